import HTTPTypes
import HTTPWire

extension Connection {
    /// Puts an answer, or the head of a streamed one, into the output.
    ///
    /// - Returns: whether a stream is to be produced.
    func respond(_ response: Response, to exchange: Exchange) -> Bool {
        guard exchange.response == .awaited else { return false }
        settleBody(exchange)
        if context.isDraining { exchange.keepsAlive = false }
        exchange.status = response.status
        if context.observer != nil { exchange.requestID = response.requestID }
        let isHTTP11 = exchange.head.version == .http11
        let omitsBody = exchange.head.request.method == .head || ResponseSerializer.forbidsBody(response.status)
        let framing: ResponseFraming
        switch response.body {
        case _ where ResponseSerializer.forbidsBody(response.status): framing = .absent
        case .bytes(let bytes): framing = .length(bytes.count)
        case .stream: framing = isHTTP11 ? .chunked : .untilClose
        }
        if framing == .untilClose { exchange.keepsAlive = false }
        let connection: ConnectionDirective =
            exchange.keepsAlive ? (isHTTP11 ? .implied : .keepAlive) : .close
        let dateLine = context.currentDateLine()
        output.append { output in
            ResponseSerializer.appendHead(
                status: response.status, fields: response.fields, framing: framing, connection: connection,
                dateLine: dateLine, to: &output)
            // In the same buffer as the head, so that one call sends both.
            if case .bytes(let bytes) = response.body, !omitsBody { output.append(contentsOf: bytes) }
        }
        switch response.body {
        case .bytes(let bytes):
            exchange.response = .complete
            if !omitsBody { exchange.responseBytes = bytes.count }
            return false
        case .stream:
            exchange.response = omitsBody ? .complete : .streaming(framing)
            return !omitsBody
        }
    }

    /// Answers what is no request, and closes.
    func refuse(_ error: ProtocolError) {
        let response = context.handler.response(toProtocolError: error)
        let dateLine = context.currentDateLine()
        var body: [UInt8] = []
        if case .bytes(let bytes) = response.body { body = bytes }
        let framing: ResponseFraming =
            ResponseSerializer.forbidsBody(response.status) ? .absent : .length(body.count)
        output.append { output in
            ResponseSerializer.appendHead(
                status: response.status, fields: response.fields, framing: framing, connection: .close,
                dateLine: dateLine, to: &output)
            if framing != .absent { output += body }
        }
        if context.observer != nil {
            let record = RequestRecord(
                peer: peer, request: nil, status: response.status, requestBodyBytes: 0,
                responseBodyBytes: body.count, requestID: response.requestID, duration: .zero,
                isAborted: false)
            finishedRecords.append((record, headStart ?? phaseStart))
        }
        headStart = nil
        finish()
    }

    /// Adds bytes of a streamed answer.
    ///
    /// - Returns: false where there is no such stream any more.
    func stream(_ bytes: [UInt8], exchange number: UInt64) -> Bool {
        guard let exchange, exchange.number == number, case .streaming(let framing) = exchange.response else {
            return false
        }
        exchange.responseBytes += bytes.count
        output.append { output in
            if framing == .chunked {
                ResponseSerializer.appendChunk(bytes, to: &output)
            } else {
                output += bytes
            }
        }
        advance()
        return !isClosed
    }

    /// Ends a streamed answer; one that failed is cut off, so that the client does not take it for complete.
    func endStream(exchange number: UInt64, isComplete: Bool) {
        guard let exchange, exchange.number == number, case .streaming(let framing) = exchange.response else { return }
        guard isComplete else {
            close()
            return
        }
        if framing == .chunked { output.append { $0 += ResponseSerializer.lastChunk } }
        exchange.response = .complete
        advance()
    }

    // MARK: Records

    /// Keeps what became of a request until its answer has left.
    func note(_ exchange: Exchange, isAborted: Bool) {
        guard context.observer != nil else { return }
        let record = RequestRecord(
            peer: peer, request: exchange.head.request, status: exchange.status,
            requestBodyBytes: exchange.bodyBytes, responseBodyBytes: exchange.responseBytes,
            requestID: exchange.requestID, duration: .zero, isAborted: isAborted)
        finishedRecords.append((record, exchange.startedAt))
    }

    func reportFinished() {
        guard let observer = context.observer, !finishedRecords.isEmpty else { return }
        let now = context.system.now()
        for (record, startedAt) in finishedRecords {
            var record = record
            record.duration = .nanoseconds(Int64(clamping: now &- min(startedAt, now)))
            observer.requestFinished(record)
        }
        finishedRecords.removeAll(keepingCapacity: true)
    }

    /// The answers that had not left when the connection closed.
    func reportAborted() {
        for index in finishedRecords.indices where !output.isEmpty { finishedRecords[index].record.isAborted = true }
        reportFinished()
    }
}

extension Response {
    private static let requestIDName = HTTPField.Name("X-Request-ID")

    /// The id by which logs and clients know the request, where the handler gave it one.
    fileprivate var requestID: String? { Self.requestIDName.flatMap { fields[$0] } }
}
