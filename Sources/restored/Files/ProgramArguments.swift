import Glibc

/// What the program was started with, as text that `EscapedBytes` turns back into bytes, whatever they are.
enum ProgramArguments {
    /// Without the program's own name.
    static var texts: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { text($0) }
        }
    }

    /// The first argument that reads as several short options in one, which the program has none of. It is a file's name, most
    /// likely, and with an `h` in it the parser would take it for a wish for help.
    static func cluster(in texts: [String]) -> String? {
        texts.prefix { $0 != "--" }.first { text in
            text.hasPrefix("-") && !text.hasPrefix("--") && text.count > 2 && text.dropFirst(2).first != "="
        }
    }

    /// Of a variable that is set twice, its first value, as `getenv` has it.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            next += 1
            let pieces = text(entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pieces.count == 2, let name = pieces.first.map(String.init), variables[name] == nil else { continue }
            variables[name] = String(pieces[1])
        }
        return variables
    }

    private static func text(_ text: UnsafePointer<CChar>) -> String {
        EscapedBytes.text(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
    }
}
