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
        }
        // Gathered with the head, so that one call sends both, or the head and the beginning.
        if case .bytes(let bytes) = response.body, !omitsBody { output.append(bytes, retaining: response.retained) }
        switch response.body {
        case .bytes:
            exchange.response = .complete
            return false
        case .stream:
            exchange.response = omitsBody ? .complete : .streaming(framing)
            return !omitsBody
        }
    }

    /// Answers what is no request, and closes.
    func refuse(_ error: ProtocolError) {
        let response = context.handler.response(toProtocolError: error, peer: peer)
        let dateLine = context.currentDateLine()
        var body: [UInt8] = []
        if case .bytes(let bytes) = response.body { body = bytes }
        let framing: ResponseFraming =
            ResponseSerializer.forbidsBody(response.status) ? .absent : .length(body.count)
        output.append { output in
            ResponseSerializer.appendHead(
                status: response.status, fields: response.fields, framing: framing, connection: .close,
                dateLine: dateLine, to: &output)
        }
        if framing != .absent { output.append(body) }
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
}
