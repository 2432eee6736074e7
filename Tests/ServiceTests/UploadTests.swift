import Engine
import HTTPTypes
import Images
import Service
import Settings
import Testing

/// What comes with a request: bodies, forms, and the pictures in them.
@Suite("Uploads")
struct UploadTests {
    let subject = ServiceUnderTest()

    @Test("a form works however it is cut", arguments: [1, 2, 7, 1000])
    func form(pieces: Int) async {
        let answer = await subject.restoreForm(
            [
                FormPart("steps", "3"), FormPart("image", ServiceUnderTest.png, filename: "a.png", type: "image/png"),
                FormPart("seed", "18446744073709551615"),
            ], pieces: pieces)
        #expect(answer.status == 200)
        #expect(answer["Restored-Seed"] == "18446744073709551615")
        #expect(subject.engine.seen.last?.steps == 3)
    }

    @Test("bodies that can't be a picture are refused before they are read", arguments: [
        ("application/json", 415), ("text/plain", 415), ("image/webp", 415), ("nonsense", 415),
        ("image/svg+xml", 415), ("image", 415), ("multipart/mixed; boundary=x", 415), ("application/json; x=\"", 415),
        ("multipart/form-data", 400), ("multipart/form-data; boundary=a b", 400), ("multipart/form-data; boundary=", 400),
    ])
    func wrongTypes(type: String, status: Int) async {
        let answer = await subject.restore(fields: [.contentType: type])
        #expect(answer.status == status)
        #expect(answer.detail.contains("boundary") == (status == 400), "\(answer.detail)")
    }

    @Test("a type that says nothing leaves it to the bytes", arguments: [
        "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded", "image/*", "*/*", "",
        "application/octet-stream; name=my photo.jpg", "Application/X-WWW-Form-URLEncoded; charset=UTF-8",
    ])
    func openTypes(type: String) async {
        for picture in [ServiceUnderTest.png, ServiceUnderTest.jpeg] {
            #expect(await subject.restore(fields: [.contentType: type], body: picture).status == 200)
        }
        #expect(await subject.restore(fields: [.contentType: type], body: Array("image=x&steps=3".utf8)).status == 415)
        #expect(await subject.restore(fields: [.contentType: type], body: []).status == 400)
    }

    @Test("no type at all leaves it to the bytes")
    func noType() async {
        #expect(await subject.send(.post, "/restore", body: ServiceUnderTest.png).status == 200)
        #expect(await subject.send(.post, "/classify", body: ServiceUnderTest.jpeg).status == 200)
    }

    @Test("names that clients use for the registered types are the same", arguments: [
        ("image/jpg", true), ("image/pjpeg", true), ("IMAGE/JPG; charset=binary", true), ("image/jpeg; q=\"", true),
        ("image/x-png", false), ("image/png;", false),
    ])
    func otherNames(type: String, isJPEG: Bool) async {
        #expect(await subject.restore(fields: [.contentType: type], body: ServiceUnderTest.jpeg).status == (isJPEG ? 200 : 415))
        #expect(await subject.restore(fields: [.contentType: type], body: ServiceUnderTest.png).status == (isJPEG ? 415 : 200))
    }

    @Test("an encoded body is 415; identity is none")
    func contentEncoding() async {
        #expect(await subject.restore(fields: [.contentEncoding: "gzip"]).status == 415)
        #expect(await subject.restore(fields: [.contentEncoding: "identity"]).status == 200)
    }

    @Test("a declared type that disagrees with the bytes is 415")
    func typeDisagrees() async {
        #expect(await subject.restore(fields: [.contentType: "image/jpeg"]).status == 415)
        #expect(await subject.restore(fields: [.contentType: "image/png"], body: ServiceUnderTest.jpeg).status == 415)
        #expect(await subject.restore(fields: [.contentType: "image/jpeg"], body: ServiceUnderTest.jpeg).status == 200)
    }

    @Test("in a form the bytes alone say what the picture is", arguments: [
        ("a.jpg", "image/jpeg"), ("a.png", "image"), ("a", nil), (nil, "image/png"), (nil, nil), ("", ""), ("é.png", "image/*"),
        ("my \"best\" photo.jpg", "text/plain; charset="), ("C:\\x.png", "application/json"), ("../../etc/passwd", "\u{1}"),
    ] as [(String?, String?)])
    func partTypes(filename: String?, type: String?) async {
        for picture in [ServiceUnderTest.png, ServiceUnderTest.jpeg] {
            let part = FormPart("image", picture, filename: filename, type: type)
            #expect(await subject.restoreForm([part]).status == 200)
        }
        let noPicture = FormPart("image", Array("GIF89a....".utf8), filename: filename, type: type)
        #expect(await subject.restoreForm([noPicture]).status == 415)
    }

    @Test("a field's file name and type mean nothing either, and text may be quoted-printable")
    func parameterParts() async {
        let image = FormPart("image", ServiceUnderTest.png, filename: "a.png")
        let typed = FormPart("steps", Array("3".utf8), filename: "steps.txt", type: "text/plain; charset=")
        #expect(await subject.restoreForm([image, typed]).status == 200)
        #expect(subject.engine.seen.last?.steps == 3)
        // As Delphi's Indy sends text.
        let quoted = "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
        for value in ["rainy,noisy", "rainy=2Cnoisy", "rainy,=\r\nnoisy"] {
            let part = FormPart("degradation", Array(value.utf8), type: quoted)
            #expect(await subject.restoreForm([image, part]).status == 200)
            #expect(subject.engine.seen.last?.degradations == ["rainy", "noisy"])
        }
        for value in ["rainy=", "rainy=2", "rainy=xy", "=FF"] {
            let part = FormPart("degradation", Array(value.utf8), type: quoted)
            #expect(await subject.restoreForm([image, part]).kind == "invalid-parameter")
        }
        #expect(await subject.restoreForm([FormPart("image", ServiceUnderTest.png, type: quoted)]).kind == "malformed-form")
    }

    @Test("an empty field counts as absent, an unknown one stays unknown")
    func emptyFields() async {
        let image = FormPart("image", ServiceUnderTest.png, filename: "a.png")
        let names = ["steps", "sampler", "seed", "degradation", "format", "quality", "tile", "overlap", "metadata", "rounds",
            "force", "timeout"]
        let empty = names.map { FormPart($0, "") }
        #expect(await subject.restoreForm(empty + [image]).status == 200)
        #expect(subject.engine.seen.last?.steps == nil)
        #expect(await subject.restoreForm([image, FormPart("steps", ""), FormPart("steps", "3")]).status == 200)
        #expect(await subject.restoreForm([image, FormPart("steps", "")], query: "?steps=4").status == 200)
        #expect(subject.engine.seen.last?.steps == 4)
        #expect(await subject.restoreForm([FormPart("image", [], filename: ""), image]).status == 200)
        #expect(await subject.restoreForm([image, FormPart("image", [], filename: "")]).kind == "several-images")
        #expect(await subject.restoreForm([image, FormPart("shade", "")]).kind == "unknown-parameter")
        #expect(await subject.restoreForm([image, FormPart("steps", " ")]).kind == "invalid-parameter")
        let labels = await subject.send(
            .post, "/classify", fields: [.contentType: "multipart/form-data; boundary=XX"],
            body: FormPart.body([image, FormPart("labels", "")]))
        #expect(labels.status == 200)
    }

    @Test("a form needs one picture, and nothing unknown")
    func forms() async {
        let image = FormPart("image", ServiceUnderTest.png, filename: "a.png")
        #expect(await subject.restoreForm([]).kind == "no-image")
        #expect(await subject.restoreForm([FormPart("steps", "3")]).kind == "no-image")
        #expect(await subject.restoreForm([image, image]).kind == "several-images")
        #expect(await subject.restoreForm([FormPart("image", [])]).kind == "broken-picture")
        let file = await subject.restoreForm([image, FormPart("photo", [0x33], filename: "a.jpg")])
        #expect(file.kind == "unknown-parameter" && file.detail.contains("'image'"))
        let unknown = await subject.restoreForm([image, FormPart("shade", "red")])
        #expect(unknown.status == 400)
        #expect(unknown.detail.contains("'shade'"))
        let twice = await subject.restoreForm([image, FormPart("steps", "3")], query: "?steps=3")
        #expect(twice.kind == "duplicate-parameter")
        let bytes = await subject.restoreForm([image, FormPart("degradation", [0xFF, 0xFE])])
        #expect(bytes.status == 400)
        #expect(await subject.send(.post, "/restore", fields: [.contentType: "multipart/form-data; boundary=XX"])
            .status == 400)
        #expect(subject.engine.seen.isEmpty)
    }

    @Test("one part more than the limit is 413")
    func partLimit() async {
        let subject = ServiceUnderTest { $0.partLimit = 3 }
        let image = FormPart("image", ServiceUnderTest.png)
        let fits = [image, FormPart("steps", "3"), FormPart("seed", "1")]
        #expect(await subject.restoreForm(fits).status == 200)
        #expect(await subject.restoreForm(fits + [FormPart("force", "true")]).status == 413)
    }

    @Test("a body at the limit is read, one byte more is 413, told or not")
    func bodyLimit() async {
        let subject = ServiceUnderTest { $0.bodyLimit = ServiceUnderTest.png.count }
        #expect(await subject.restore().status == 200)
        #expect(await subject.restore(body: ServiceUnderTest.png + [0]).status == 413)
    }

    @Test("no body is 400")
    func emptyBody() async {
        #expect(await subject.restore(body: []).status == 400)
        #expect(await subject.send(.post, "/restore").status == 400)
    }

    @Test("the picture's limits hold at the limit and one past it")
    func pictureLimits() async throws {
        func png(_ width: Int, _ height: Int) throws -> [UInt8] {
            try ImageEncoder.png(
                Picture(width: width, height: height, pixels: [UInt8](repeating: 9, count: width * height * 3)))
        }
        let subject = ServiceUnderTest { $0.sideLimit = 64 }
        #expect(await subject.restore(body: try png(8, 64)).status == 200)
        #expect(await subject.restore(body: try png(64, 8)).status == 200)
        for size in [(7, 8), (8, 7), (65, 8), (8, 65)] {
            let answer = await subject.restore(body: try png(size.0, size.1))
            #expect(answer.status == 422)
        }
    }

    @Test("what no JPEG can hold is refused before the work where the answer is to be one", arguments: [
        ("?format=jpeg", nil), ("", "image/jpeg"), ("?format=jpeg", "application/json"),
    ] as [(String, String?)])
    func longestJPEG(query: String, accept: String?) async throws {
        let subject = ServiceUnderTest { $0.sideLimit = 65_535 }
        var fields: HTTPFields = [:]
        fields[.accept] = accept
        for (width, height) in [(65_501, 8), (8, 65_501)] {
            let body = try ImageEncoder.png(
                Picture(width: width, height: height, pixels: [UInt8](repeating: 9, count: width * height * 3)))
            let refused = await subject.restore(query, fields: fields, body: body)
            #expect(refused.status == 422 && refused.kind == "unprocessable-picture")
            #expect(refused.detail.contains("JPEG") && refused.detail.contains("65500"), "\(refused.detail)")
            #expect(subject.engine.seen.isEmpty)
        }
        let fits = try ImageEncoder.png(
            Picture(width: 65_500, height: 8, pixels: [UInt8](repeating: 9, count: 65_500 * 8 * 3)))
        #expect(await subject.restore(query, fields: fields, body: fits).status == 200)
    }

    @Test("the longest side that a setting allows is answered in each format", arguments: ["png", "jpeg"])
    func longestSide(format: String) async throws {
        let longest = try #require(Setting.all.first { $0.name == "side-limit" }?.bounds?.upperBound)
        let subject = ServiceUnderTest { $0.sideLimit = longest }
        let picture = Picture(width: longest, height: 8, pixels: [UInt8](repeating: 9, count: longest * 8 * 3))
        #expect(await subject.restore("?format=\(format)", body: try ImageEncoder.png(picture)).status == 200)
    }

    @Test("a picture over 50 megapixels is refused by its header, before the rest has come")
    func megapixels() async throws {
        var header = Array("IHDR".utf8) + [0, 0, 0x27, 0x10, 0, 0, 0x13, 0x89, 8, 2, 0, 0, 0]
        header += Self.crc(header)
        let bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + header
            + [UInt8](repeating: 0, count: 100_000)
        let answer = await subject.restore(body: bytes)
        #expect(answer.status == 422)
        #expect(answer.detail.contains("10000"))
    }

    private static func crc(_ bytes: [UInt8]) -> [UInt8] {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        value = ~value
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
