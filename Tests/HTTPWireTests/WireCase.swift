import HTTPTypes
import HTTPWire

/// Bytes to a request parser and what must come of them.
struct WireCase: Sendable {
    /// What the bytes are, in words.
    var name: String
    var bytes: [UInt8]
    var limits: WireLimits
    /// The requests before the end or the error, in short form; see `Transcript`.
    var requests: [String]
    /// The status of the refusal; nil where all bytes are accepted.
    var refusal: Int?

    /// Accepted bytes: one request, or several one after the other.
    static func ok(
        _ name: String, _ bytes: String, _ requests: String..., limits: (inout WireLimits) -> Void = { _ in }
    ) -> WireCase {
        WireCase(name: name, bytes: Array(bytes.utf8), limits: changed(limits), requests: requests, refusal: nil)
    }

    /// Refused bytes.
    static func no(
        _ refusal: Int, _ name: String, _ bytes: String, after requests: String...,
        limits: (inout WireLimits) -> Void = { _ in }
    ) -> WireCase {
        WireCase(name: name, bytes: Array(bytes.utf8), limits: changed(limits), requests: requests, refusal: refusal)
    }

    /// Refused bytes that are not text.
    static func no(_ refusal: Int, _ name: String, _ bytes: [UInt8]) -> WireCase {
        WireCase(name: name, bytes: bytes, limits: WireLimits(), requests: [], refusal: refusal)
    }

    private static func changed(_ change: (inout WireLimits) -> Void) -> WireLimits {
        var limits = WireLimits()
        change(&limits)
        return limits
    }
}

/// What a parser told, in a form that does not depend on how body bytes were cut.
struct Transcript: Equatable {
    /// `METHOD path`, then where they are not the usual ones: `@authority`, `1.0`, `close`, `continue`, `=body`,
    /// `+Trailer: value`, and at the end `...` for a request that is not complete.
    var requests: [String] = []
    /// The last request, where it is not complete.
    var unfinished: String?
    var error: ProtocolError?

    /// Feeds pieces to a parser, pulling all events after each.
    init(pieces: [ArraySlice<UInt8>], limits: WireLimits) {
        var parser = RequestParser(limits: limits)
        var current: (head: String, body: [UInt8])?
        do throws(ProtocolError) {
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() {
                    switch event {
                    case .head(let head):
                        current = (Self.describe(head), [])
                    case .body(let bytes):
                        current?.body += bytes
                    case .end(let trailers):
                        var text = (current?.head ?? "?") + Self.describe(body: current?.body ?? [])
                        for field in trailers { text += " +\(field.name.rawName): \(field.value)" }
                        requests.append(text)
                        current = nil
                    }
                }
            }
        } catch {
            self.error = error
            // An error lasts.
            for _ in 0..<2 {
                parser.append(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...])
                do throws(ProtocolError) {
                    _ = try parser.next()
                    requests.append("recovered from an error")
                } catch let again {
                    if again != error { requests.append("another error") }
                }
            }
        }
        if let current { unfinished = current.head + Self.describe(body: current.body) + " ..." }
        if error == nil, let unfinished { requests.append(unfinished) }
    }

    private static func describe(_ head: MessageHead) -> String {
        let request = head.request
        var text = "\(request.method.rawValue) \(request.path ?? "-")"
        if request.scheme != "http" { text += " \(request.scheme ?? "-"):" }
        if request.authority != "a" { text += " @\(request.authority ?? "-")" }
        if head.version == .http10 { text += " 1.0" }
        if head.keepsAlive != (head.version == .http11) { text += head.keepsAlive ? " keep-alive" : " close" }
        if head.expectsContinue { text += " continue" }
        for field in request.headerFields where field.name.rawName.hasPrefix("X") {
            text += " \(field.name.rawName): \(field.value)"
        }
        return text
    }

    private static func describe(body: [UInt8]) -> String {
        body.isEmpty ? "" : " =" + String(decoding: body, as: UTF8.self)
    }
}

/// A small generator with a fixed seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// `bytes` in random pieces, mostly short ones.
func randomPieces(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = Int.random(in: 0...(Bool.random(using: &generator) ? 3 : 40), using: &generator)
        pieces.append(rest.prefix(count))
        rest = rest.dropFirst(count)
    }
    return pieces
}
