/// Why a query, a form field or a path could not be decoded.
package enum QueryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A percent sign without two hexadecimal digits after it.
    case badEscape(String)
    /// The decoded bytes are not UTF-8.
    case notUTF8(String)
    /// The decoded text holds a control byte.
    case controlByte(String)
    case tooManyPairs(limit: Int)

    package var description: String {
        switch self {
        case .badEscape(let text): "each % must be followed by two hexadecimal digits: \"\(text)\""
        case .notUTF8(let text): "\"\(text)\" does not decode to UTF-8"
        case .controlByte(let text): "\"\(text)\" decodes to text with a control byte"
        case .tooManyPairs(let limit): "there are more than \(limit) parameters"
        }
    }
}

/// Queries and `application/x-www-form-urlencoded` (URL standard, section 5.1), with strict percent decoding.
package enum QueryParser {
    /// The pairs in order, names that come twice included; a name without `=` has an empty value.
    package static func parse(
        _ query: some StringProtocol, maximumPairs: Int = 64
    ) throws(QueryError) -> [FieldParameter] {
        var result: [FieldParameter] = []
        for pair in Array(query.utf8).split(separator: UInt8(ascii: "&")) {
            guard result.count < maximumPairs else { throw .tooManyPairs(limit: maximumPairs) }
            let separator = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try decode(pair[..<separator], plusIsBlank: true)
            let value = separator == pair.endIndex ? "" : try decode(pair[(separator + 1)...], plusIsBlank: true)
            result.append(FieldParameter(name: name, value: value))
        }
        return result
    }

    /// A request's path and query as they were sent, without the question mark; the query is nil where there is none.
    package static func split(_ target: String) -> (path: Substring, query: Substring?) {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (target[...], nil) }
        return (target[..<mark], target[target.utf8.index(after: mark)...])
    }

    /// A path's segments, percent-decoded after splitting, so that an encoded slash is part of a segment.
    ///
    /// `/a/b` gives `a` and `b`; `/a/` gives `a` and an empty one; `/` gives one empty segment. Dot segments are
    /// left as they are: no handler maps paths to files.
    package static func segments(_ path: some StringProtocol) throws(QueryError) -> [String] {
        var result: [String] = []
        for segment in Array(path.utf8).dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            result.append(try decode(segment, plusIsBlank: false))
        }
        return result
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool) throws(QueryError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard bytes.endIndex - index > 2, let high = ByteClass.hexValue(bytes[index + 1]),
                    let low = ByteClass.hexValue(bytes[index + 2])
                else { throw .badEscape(bytes.excerpt) }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(plusIsBlank && byte == UInt8(ascii: "+") ? ByteClass.space : byte)
                index += 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .notUTF8(bytes.excerpt) }
        guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .controlByte(bytes.excerpt) }
        return text
    }
}
