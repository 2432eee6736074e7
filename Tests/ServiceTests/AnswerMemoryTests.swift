import FoundationEssentials
import HTTPServer
import HTTPTypes
import Images
import Service
import Testing

/// Of `ServiceUnderTest.png`.
private let pixels = 16 * 12
/// The file, the picture that came, the restored one and the encoded one.
private let pictureBytes = ServiceUnderTest.png.count + 12 * pixels
/// The same, and the body that the encoded one is a part of.
private let partsBytes = pictureBytes + 4 * pixels
/// The first, and the encoded one as text.
private let documentBytes = pictureBytes + 16 * pixels / 3

@Suite("Memory of answers")
struct AnswerMemoryTests {
    let subject = ServiceUnderTest()

    @Test("what the answer takes is counted from the beginning, beside two pictures", arguments: [
        ("", nil, pictureBytes), ("?degradation=rainy,noisy", nil, pictureBytes),
        ("?degradation=noisy", "image/jpeg", pictureBytes), ("", "application/json", documentBytes),
        ("?degradation=rainy,noisy", "application/json", documentBytes), ("", "multipart/mixed", partsBytes),
    ] as [(String, String?, Int)])
    func reserved(query: String, accept: String?, bytes: Int) async {
        var fields: HTTPFields = [:]
        fields[.accept] = accept
        subject.engine.change { $0.holds = true }
        let answer = Task { [fields] in await subject.restore(query, fields: fields) }
        await eventually { subject.engine.active == 1 }
        #expect(subject.service.memoryUsed == bytes)
        subject.engine.release()
        #expect(await answer.value.status == 200)
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("the three pictures of a restoration and the sums of overlaps count where they are more than the answer takes")
    func rounds() async {
        for query in ["?degradation=rainy", "?degradation=rainy,noisy"] {
            let subject = ServiceUnderTest()
            subject.engine.change {
                $0.blendingBytes = 10_000
                $0.holds = true
            }
            let answer = Task { await subject.restore(query) }
            await eventually { subject.engine.active == 1 }
            #expect(subject.service.memoryUsed == ServiceUnderTest.png.count + 3 * 4 * pixels + 10_000)
            subject.engine.release()
            #expect(await answer.value.status == 200)
        }
    }

    @Test("a document that never fits is refused, as are parts, before the work and for good; a picture of the same size isn't")
    func documentTooLarge() async {
        let document: HTTPFields = [.accept: "application/json"]
        let tight = ServiceUnderTest { $0.requestMemory = documentBytes - 1 }
        let refused = await tight.restore(fields: document)
        #expect(refused.status == 422 && refused.kind == "answer-too-large")
        #expect(refused["Retry-After"] == nil)
        #expect(tight.engine.seen.isEmpty)
        #expect(await tight.restore().status == 200)
        let wide = ServiceUnderTest { $0.requestMemory = documentBytes }
        #expect(await wide.restore(fields: document).status == 200)
        let parts: HTTPFields = [.accept: "multipart/mixed"]
        let narrow = ServiceUnderTest { $0.requestMemory = partsBytes - 1 }
        #expect(await narrow.restore(fields: parts).kind == "answer-too-large")
        let enough = ServiceUnderTest { $0.requestMemory = partsBytes }
        #expect(await enough.restore(fields: parts).status == 200)
    }

    @Test("an answer counts until the server has sent it and lets go of it")
    func answers() async throws {
        let request = HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: "/restore")
        let head = RequestHead(
            request: request, declaredBodyLength: ServiceUnderTest.png.count, peer: "127.0.0.1")
        guard case .run(let limit, let work) = subject.service.accept(head) else {
            Issue.record("refused at once")
            return
        }
        var response: Response? = await work(PiecewiseBody(ServiceUnderTest.png, pieces: 1, limit: limit))
        guard case .bytes(let bytes)? = response?.body else {
            Issue.record("an answer without a body")
            return
        }
        #expect(response?.status == .ok)
        await eventually { subject.service.memoryUsed == bytes.count }
        withExtendedLifetime(response) {}
        response = nil
        await eventually { subject.service.memoryUsed == 0 }
    }

    @Test("the result of a job counts among the results alone")
    func results() async throws {
        let prefer = try #require(HTTPField.Name("Prefer"))
        let started = await subject.restore(fields: [prefer: "respond-async"])
        let job = try #require(started["Location"])
        await eventually { await subject.send(.get, job).json["state"]?.text == "done" }
        await eventually { subject.service.memoryUsed == 0 }
        #expect(await subject.send(.get, job + "/result").status == 200)
    }

    @Test("the text of a document is the picture, however many bytes its length leaves over")
    func base64() async throws {
        var remainders: Set<Int> = []
        for width in 16..<48 {
            let pixels = (0..<width * 8 * 3).map { UInt8(truncatingIfNeeded: $0 * $0) }
            let body = try ImageEncoder.png(Picture(width: width, height: 8, pixels: pixels))
            let picture = await subject.restore("?seed=1", body: body).body
            let document = await subject.restore("?seed=1", fields: [.accept: "application/json"], body: body).json
            #expect(document["image"]?.text == Data(picture).base64EncodedString())
            #expect(document["width"]?.number == Double(width))
            remainders.insert(picture.count % 3)
        }
        #expect(remainders == [0, 1, 2])
    }
}
