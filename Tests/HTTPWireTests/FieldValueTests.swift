import HTTPWire
import Testing

@Suite("Media types and Prefer") struct FieldValueTests {
    private let png = MediaType("image", "png")

    @Test("media types with parameters")
    func mediaTypes() {
        #expect(MediaType.parse("image/png") == png)
        #expect(MediaType.parse(" Image/PNG ") == png)
        let form = MediaType.parse(#"multipart/form-data; Boundary="a b;c" ;x=1;"#)
        #expect(form?.essence == "multipart/form-data")
        #expect(form?.parameter("boundary") == "a b;c")
        #expect(form?.parameter("x") == "1")
    }

    @Test(
        "what is no media type",
        arguments: [
            "", "image", "image/", "/png", "image/png/x", "image /png", "image/png;", "image/png, image/jpeg",
            "image/png; a", "image/png; a=", "image/png; a=\"b", "image/png; a=b; a=c", "image/png; =b",
        ])
    func noMediaTypes(text: String) {
        // A lone semicolon is legal (RFC 9110 section 5.6.6).
        #expect((MediaType.parse(text) == nil) == (text != "image/png;"))
    }

    @Test(
        "names that clients use in place of the registered ones",
        arguments: [
            ("image/jpg", "image/jpeg"), ("IMAGE/JPG", "image/jpeg"), ("image/pjpeg", "image/jpeg"),
            ("image/x-png", "image/png"), ("binary/octet-stream", "application/octet-stream"), ("image/png", "image/png"),
            ("image/webp", "image/webp"), ("text/json", "application/json"), ("application/x-yaml", "application/yaml"),
            ("text/yaml", "application/yaml"), ("application/jpg", "application/jpg"),
        ])
    func registered(text: String, name: String) {
        #expect(MediaType.parse(text)?.registered.essence == name)
    }

    @Test("Prefer: respond-async, with others around")
    func prefer() {
        #expect(PreferField("respond-async").respondsAsynchronously)
        #expect(PreferField("Respond-Async; x=1, wait=10").respondsAsynchronously)
        #expect(PreferField("return=minimal, , respond-async").respondsAsynchronously)
        #expect(PreferField("handling=\"a, respond-async\"").respondsAsynchronously == false)
        #expect(PreferField("respond-asynchronously").respondsAsynchronously == false)
        #expect(PreferField(nil).respondsAsynchronously == false)
    }
}

@Suite("Queries") struct QueryParserTests {
    private func pairs(_ query: String) throws -> [String] {
        try QueryParser.parse(query).map { "\($0.name)=\($0.value)" }
    }

    @Test("pairs in order, decoded")
    func pairs() throws {
        #expect(try pairs("") == [])
        #expect(try pairs("a=1&b=2&a=3") == ["a=1", "b=2", "a=3"])
        #expect(try pairs("a&b=&=c&&d=e=f") == ["a=", "b=", "=c", "d=e=f"])
        #expect(try pairs("a+b=%20%2B%26%3d+&%C3%BC=x") == ["a b= +&= ", "ü=x"])
    }

    @Test("what does not decode is told")
    func errors() {
        for query in ["a=%", "a=%1", "a=%zz", "%4=a", "a=b&c=%g0"] {
            #expect(throws: QueryError.self) { try pairs(query) }
        }
        #expect(throws: QueryError.notUTF8("%FF")) { try pairs("a=%FF") }
        #expect(throws: QueryError.notUTF8("%C3")) { try pairs("a=%C3") }
        #expect(throws: QueryError.controlByte("%00")) { try pairs("a=%00") }
        #expect(throws: QueryError.controlByte("%0D%0A")) { try pairs("%0D%0A=a") }
    }

    @Test("the number of pairs is limited, at the limit and one past it")
    func limit() throws {
        let query = Array(repeating: "a=b", count: 64).joined(separator: "&")
        #expect(try QueryParser.parse(query).count == 64)
        #expect(throws: QueryError.tooManyPairs(limit: 64)) { try QueryParser.parse(query + "&a=b") }
    }

    @Test("paths: query split off, segments decoded one by one")
    func paths() throws {
        let (path, query) = QueryParser.split("/jobs/a%2Fb?x=?y")
        #expect(path == "/jobs/a%2Fb")
        #expect(query == "x=?y")
        #expect(QueryParser.split("/a").query == nil)
        #expect(try QueryParser.segments(path) == ["jobs", "a/b"])
        #expect(try QueryParser.segments("/") == [""])
        #expect(try QueryParser.segments("/a/") == ["a", ""])
        #expect(try QueryParser.segments("/a+b") == ["a+b"])
        #expect(throws: QueryError.self) { try QueryParser.segments("/%00") }
    }
}
