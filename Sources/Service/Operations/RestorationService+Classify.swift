import Checkpoints
package import Engine
import HTTPServer
import HTTPTypes

/// `POST /classify`.
extension RestorationService {
    func classify(_ exchange: Exchange) throws -> Route.Work {
        let engine = try engineForWork()
        let reader = try uploadReader(exchange)
        _ = try ClassifyParameters(exchange.parameters, bundle: engine.bundle)
        return { [self] body in
            let reservation = memory.reservation()
            let upload = try await reader.read(body, parameters: exchange.parameters, reservation: reservation)
            let parameters = try ClassifyParameters(upload.parameters, bundle: engine.bundle)
            let deadline = exchange.start + .seconds(configuration.timeout)
            let (picture, decoding) = try await decode(
                upload, reservation: reservation,
                workBytes: PictureMemory.bytesPerPixel * upload.header.width * upload.header.height,
                deadline: deadline)
            let start = time.now()
            do {
                let classification = try await engine.classify(
                    picture, labels: parameters.labels, deadline: deadline)
                metrics.classificationEnded("classified")
                let document = ClassificationDocument(
                    classification, bundle: engine.bundle.identifier, width: picture.width, height: picture.height)
                let timing = ServerTiming([("decode", decoding), ("classify", start.duration(to: time.now()))])
                return Self.json(document, fields: [.cacheControl: "no-store", .serverTiming: timing.fieldText])
            } catch {
                metrics.classificationEnded(Problem(error).kind)
                throw error
            }
        }
    }

    /// An answer in JSON.
    static func json(
        _ document: some Encodable, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
    ) -> Response {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(status: status, fields: fields, body: .bytes(JSON.bytes(document)))
    }
}

/// What `/classify` answers, and `restored classify --json` prints.
package struct ClassificationDocument: Encodable, Sendable {
    package struct Entry: Encodable, Sendable {
        let label: String
        let probability: Double
    }

    let degradation: String
    let confidence: Double
    let probabilities: [Entry]
    let bundle: String
    let width: Int
    let height: Int
    /// On the command line only.
    let file: String?

    package init(_ classification: Classification, bundle: String, width: Int, height: Int, file: String? = nil) {
        degradation = classification.best.label
        confidence = classification.best.probability
        probabilities = classification.entries.map { Entry(label: $0.label, probability: $0.probability) }
        self.bundle = bundle
        self.width = width
        self.height = height
        self.file = file
    }

    /// One line of JSON.
    package var line: String { JSON.line(self) }
}
