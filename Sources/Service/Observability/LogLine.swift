import FoundationEssentials
import Logging

/// The form of log lines.
package enum LogFormat: Sendable {
    case text, json

    /// The format for a setting of `auto`, `text` or `json`.
    package init(setting: String, isTerminal: Bool) {
        switch setting {
        case "text": self = .text
        case "json": self = .json
        default: self = isTerminal ? .text : .json
        }
    }
}

/// One value in a log line.
enum LogValue {
    case text(String)
    case integer(Int)
    /// Written with three decimals.
    case real(Double)
}

/// Prints one log line, its fields in the order given and whatever could break a line escaped.
struct LogLine {
    let format: LogFormat

    func text(
        at time: Date, _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)]
    ) -> String {
        switch format {
        case .text:
            let values = fields.map { " \($0)=\(value($1, plain: Self.isPlain))" }
            return "\(Self.timestamp(time)) \(level.rawValue) \(Self.bare(message))\(values.joined())\n"
        case .json:
            let values = fields.map { ",\(Self.quoted($0)):\(value($1) { _ in false })" }
            return "{\"time\":\"\(Self.timestamp(time))\",\"level\":\"\(level.rawValue)\""
                + ",\"message\":\(Self.quoted(message))\(values.joined())}\n"
        }
    }

    /// - Parameter plain: whether a text goes without quotes.
    private func value(_ value: LogValue, plain: (String) -> Bool) -> String {
        switch value {
        case .text(let text): plain(text) ? text : Self.quoted(text)
        case .integer(let number): String(number)
        case .real(let number): Self.decimal(number)
        }
    }

    /// Values that need no quotes in a text line.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C }
    }

    /// The message of a text line: unquoted, but without anything that could end the line or move the cursor.
    private static func bare(_ message: String) -> String {
        String(quoted(message, escapesQuotes: false).dropFirst().dropLast())
    }

    /// A JSON string (RFC 8259, section 7) with every control character escaped, C1 and line separators included.
    static func quoted(_ text: String, escapesQuotes: Bool = true) -> String {
        // Nearly every text is plain, and character by character costs ten times as much.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) { return "\"\(text)\"" }
        var line = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where escapesQuotes: line += "\\\""
            case "\\" where escapesQuotes: line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line + "\""
    }

    private static func decimal(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e12 else { return "0" }
        let thousandths = Int((number * 1000).rounded())
        let fraction = String(abs(thousandths) % 1000)
        let sign = thousandths < 0 ? "-" : ""
        return "\(sign)\(abs(thousandths) / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// UTC with milliseconds (RFC 3339).
    private static func timestamp(_ time: Date) -> String {
        time.ISO8601Format(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
