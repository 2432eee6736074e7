import ArgumentParser
import Glibc

/// The name of a file as the system has it: any bytes but 0, in whatever encoding. `-` stands for standard input or output.
package struct FilePath: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { bytes = Array(text.utf8) }

    /// - Parameter text: in which `EscapedBytes` stand for what is no text, as in arguments and settings.
    package init(escaped text: String) { bytes = EscapedBytes.bytes(text) }

    /// Whether it stands for standard input or output.
    var isStandardStream: Bool { bytes == Array("-".utf8) }

    var isEmpty: Bool { bytes.isEmpty }

    /// Whether it can only be a folder.
    var endsInSlash: Bool { bytes.last == Self.slash }

    /// The open descriptor that a path such as `/dev/stdout`, `/dev/fd/63` or `/proc/self/fd/1` stands for.
    var descriptorNumber: Int32? {
        switch text {
        case "/dev/stdin": return 0
        case "/dev/stdout": return 1
        case "/dev/stderr": return 2
        default:
            guard let folder = ["/dev/fd/", "/proc/self/fd/"].first(where: text.hasPrefix) else { return nil }
            return Int32(text.dropFirst(folder.count)).flatMap { $0 >= 0 ? $0 : nil }
        }
    }

    /// The folder that it is in: `.` where it names none.
    var folder: FilePath {
        guard let slash = bytes.lastIndex(of: Self.slash) else { return FilePath(".") }
        return slash == 0 ? FilePath("/") : FilePath(bytes: Array(bytes[..<slash]))
    }

    /// A file in this folder.
    func appending(_ name: [UInt8]) -> FilePath {
        FilePath(bytes: bytes + (endsInSlash ? [] : [Self.slash]) + name)
    }

    /// Where a symbolic link in the same folder leads.
    func sibling(_ target: [UInt8]) -> FilePath {
        target.first == Self.slash ? FilePath(bytes: target) : folder.appending(target)
    }

    /// The name without folders and without its ending; `stdin` for `-`.
    var stem: [UInt8] {
        if isStandardStream { return Array("stdin".utf8) }
        let name = self.name
        return Array(Self.dot(in: name).map { name[..<$0] } ?? name)
    }

    /// What follows the last dot of the name, in lower case; nil where there is no dot but at its start.
    var ending: String? {
        let name = self.name
        return Self.dot(in: name).map { String(decoding: name[($0 + 1)...], as: UTF8.self).lowercased() }
    }

    private var name: ArraySlice<UInt8> { bytes.split(separator: Self.slash).last ?? [] }

    private static func dot(in name: ArraySlice<UInt8>) -> Int? {
        name.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 == name.startIndex ? nil : $0 }
    }

    private static let slash = UInt8(ascii: "/")

    /// Calls with the name as the system takes it.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).withUnsafeBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                // The zero alone makes it one byte at least.
                body(text.baseAddress.unsafelyUnwrapped)
            }
        }
    }

    /// As text where text is asked for, such as in JSON: U+FFFD stands for bytes that are no UTF-8.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension FilePath {
    /// A name for the parts of the program that take text: its own where it is UTF-8, else one by a descriptor that stays
    /// open for as long as the program runs.
    func textualName() throws(SystemFault) -> String {
        guard String(validating: bytes, as: UTF8.self) == nil else { return text }
        let descriptor = withCString { open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .last }
        return "/proc/self/fd/\(descriptor)"
    }
}

extension FilePath: CustomStringConvertible {
    /// For messages, which stay one line and leave a terminal as it is: `\n`, `\\`, and `\xE9` for a control character or
    /// a byte that is no text.
    package var description: String {
        var shown = ""
        for piece in TextPieces(bytes) {
            switch piece {
            case .scalar("\n"): shown += "\\n"
            case .scalar("\t"): shown += "\\t"
            case .scalar("\\"): shown += "\\\\"
            case .scalar(let scalar) where Self.isShown(scalar): shown.unicodeScalars.append(scalar)
            case .scalar(let scalar): shown += String(scalar).utf8.map(Self.hexadecimal).joined()
            case .byte(let byte): shown += Self.hexadecimal(byte)
            }
        }
        return shown
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate: false
        default: true
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
}

extension FilePath: ExpressibleByArgument {
    /// - Parameter argument: as `ProgramArguments` gives it.
    package init?(argument: String) {
        self.init(escaped: argument)
    }
}
