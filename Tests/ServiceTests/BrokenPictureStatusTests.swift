import HTTPTypes
import Images
import Service
import TestSupport
import Testing

@Suite("Broken pictures over /restore")
struct BrokenPictureStatusTests {
    @Test("each has the status that the contract gives its kind, in a problem document, and no memory stays held")
    func statuses() async {
        let subject = ServiceUnderTest()
        for broken in BrokenPictures.all() {
            let type = broken.declared?.mediaType ?? "application/octet-stream"
            let answer = await subject.restore(fields: [.contentType: type], body: broken.bytes)
            let status =
                switch broken.expected {
                case .malformed: 400
                case .wrongFormat: 415
                case .unprocessable: 422
                case .cancelled, .internalFailure: 500
                case nil: 200
                }
            #expect(answer.status == status, "\(broken.name): \(answer.detail)")
            if status != 200 { #expect(answer["Content-Type"] == "application/problem+json") }
            // Of a form the bytes decide, whatever a part is declared to be.
            let part = FormPart("image", broken.bytes, filename: "a", type: type)
            let isMislabelled = broken.declared != nil && ImageFormat.sniff(broken.bytes) != nil
            let formStatus = isMislabelled ? 200 : status
            #expect(await subject.restoreForm([part], pieces: 3).status == formStatus, "\(broken.name), in a form")
        }
        await eventually { subject.service.memoryUsed == 0 }
    }
}
