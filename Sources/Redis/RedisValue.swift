/// An answer of a server (RESP2).
package enum RedisValue: Sendable, Equatable {
    case status(String)
    case error(String)
    case integer(Int)
    case bytes([UInt8])
    case null
    case list([RedisValue])

    /// A text or a number as text; nil for anything else.
    package var text: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .integer(let number): String(number)
        case .error, .null, .list: nil
        }
    }

    /// A number, also one in text.
    package var number: Int? {
        if case .integer(let number) = self { number } else { text.flatMap { Int($0) } }
    }

    package var items: [RedisValue]? { if case .list(let items) = self { items } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

    /// This answer, or the error that it is.
    package func accepted() throws(RedisError) -> RedisValue {
        if case .error(let message) = self { throw .refused(message) }
        return self
    }
}

/// A command with its arguments.
package struct RedisCommand: Sendable, Equatable {
    package var arguments: [[UInt8]]

    package init(_ words: [String], bytes: [[UInt8]] = []) {
        arguments = words.map { Array($0.utf8) } + bytes
    }

    package init(_ words: String...) { self.init(words) }

    /// From this size on an argument is sent from where it is, without a copy.
    static let copyLimit = 16 << 10

    /// The command as it is sent, in pieces.
    package var pieces: [[UInt8]] {
        var pieces: [[UInt8]] = []
        var head = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            head += Array("$\(argument.count)\r\n".utf8)
            if argument.count < Self.copyLimit {
                head += argument
            } else {
                pieces += [head, argument]
                head = []
            }
            head += [0x0D, 0x0A]
        }
        return pieces + [head]
    }
}
