import HTTPWire
import Testing

@Suite("Boundaries of forms") struct MultipartBoundaryTests {
    /// The content of the one part of a body with that boundary, where it is read as such.
    private func content(_ type: String, boundary: String) throws -> String {
        var parser = MultipartParser(boundary: try #require(try MultipartBoundary(contentType: type)))
        parser.append(
            Array("--\(boundary)\r\nContent-Disposition: form-data; name=a\r\n\r\nabc\r\n--\(boundary)--\r\n".utf8)[...])
        var content = ""
        while let event = try parser.next() {
            if case .bytes(let bytes) = event { content += String(decoding: bytes, as: UTF8.self) }
        }
        return content
    }

    @Test("quoted or not, with any parameters around it", arguments: [
        ("multipart/form-data; boundary=xyz", "xyz"), ("Multipart/Form-Data;BOUNDARY=xyz", "xyz"),
        ("  multipart/form-data ; boundary=xyz  ", "xyz"), (#"multipart/form-data; boundary="3a-4c-5e""#, "3a-4c-5e"),
        (#"multipart/form-data; boundary="a b""#, "a b"), (#"multipart/form-data; boundary="\x""#, "x"),
        ("multipart/form-data; charset=utf-8; boundary=xyz; x", "xyz"), ("multipart/form-data; charset=; boundary=xyz", "xyz"),
        (#"multipart/form-data; charset="u;v"; boundary=xyz"#, "xyz"), ("multipart/form-data; boundary= xyz", "xyz"),
        ("multipart/form-data; ; boundary=xyz;", "xyz"), (#"multipart/form-data; boundary=xyz; start="<a"#, "xyz"),
    ])
    func sound(type: String, boundary: String) throws {
        #expect(try content(type, boundary: boundary) == "abc")
    }

    @Test("unquoted ones that the grammar wants in quotes", arguments: [
        "----=_Part_7_12.34", "==boundary==", "=_?:/()+,'x", "a,b", "Next@Part", "[x]{y}", "a*b#c$%&!^~|`", "'xyz'", "<x>",
    ])
    func odd(boundary: String) throws {
        #expect(try content("multipart/form-data; boundary=\(boundary)", boundary: boundary) == "abc")
        #expect(try content("multipart/form-data; boundary=\(boundary); charset=utf-8", boundary: boundary) == "abc")
    }

    @Test("in doubt it is an error that speaks of the boundary", arguments: [
        "multipart/form-data", "multipart/form-data;", "multipart/form-data; boundary", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a;b\"",
        "multipart/form-data; boundary=a b", "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=a\"b\"",
        "multipart/form-data; boundary=\"a\"b", "multipart/form-data; boundary=a\\b", "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=a\tb", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; BOUNDARY=a", "multipart/form-data, boundary=a", "multipart/form-data boundary=a",
        "multipart/form-data; boundary=a, multipart/form-data; boundary=b", "multipart/form-data; boundary = a",
        "multipart/form-data; xboundary=a", #"multipart/form-data; x="; boundary=a"#,
        #"multipart/form-data; boundary="a\"b""#,
    ])
    func doubtful(type: String) throws {
        let error = try #require(throws: MultipartError.self) { try MultipartBoundary(contentType: type) }
        #expect(error.description.contains("boundary"))
        #expect(!error.isTooLarge)
    }

    @Test("another type has none", arguments: ["", "text/plain", "multipart/mixed; boundary=a", "multipart/form-datax; boundary=a"])
    func otherTypes(type: String) throws {
        #expect(try MultipartBoundary(contentType: type) == nil)
    }

    @Test("70 bytes are a boundary, 71 are none")
    func longest() throws {
        let boundary = String(repeating: "a", count: 70)
        #expect(try content("multipart/form-data; boundary=\(boundary)", boundary: boundary) == "abc")
        #expect(throws: MultipartError.self) { try MultipartBoundary(contentType: "multipart/form-data; boundary=a\(boundary)") }
    }
}
