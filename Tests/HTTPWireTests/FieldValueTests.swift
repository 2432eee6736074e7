import HTTPWire
import Testing

@Suite("Media types, Accept and Prefer") struct FieldValueTests {
    private let png = MediaType("image", "png")
    private let jpeg = MediaType("image", "jpeg")
    private let json = MediaType("application", "json")

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

    @Test("Accept: the wanted, the specific and the order of offers decide")
    func accept() {
        let offers = [png, json]
        func best(_ text: String?) -> MediaType? { AcceptField.parse(text)?.best(of: offers) }
        #expect(best(nil) == png)
        #expect(best("") == png)
        #expect(best("*/*") == png)
        #expect(best("application/json") == json)
        #expect(best("image/*") == png)
        #expect(best("image/png;q=0.5, application/json;q=0.6") == json)
        #expect(best("image/png;q=0.5, application/*;q=0.5") == png)
        #expect(best("*/*;q=0.8, image/png;q=0.1") == json)
        #expect(best("*/*, image/png;q=0") == json)
        #expect(best("image/webp, ,text/html;level=1") == nil)
        #expect(best("*/*;q=0") == nil)
        #expect(best("application/json;q=0.001") == json)
    }

    @Test(
        "what is no Accept",
        arguments: [
            "image", "*/png", "image/png;q=2", "image/png;q=1.001", "image/png;q=0.1234", "image/png;q=", "a/b c/d",
        ])
    func noAccept(text: String) {
        #expect(AcceptField.parse(text) == nil)
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
