import HTTPTypes
import HTTPWire

extension Connection {
    /// Does all that can be done without waiting: parses, hands requests over, sends.
    func advance() {
        var wasHeldBack: Bool
        repeat {
            answerWhatIsThere()
            wasHeldBack = phase == .awaitingRequest && output.count > Self.outputHighWater
            flush()
            // Nothing else would come back to a pipelined request that waited for just this room.
        } while wasHeldBack && phase == .awaitingRequest && output.count <= Self.outputHighWater
        updateInterest()
    }

    private func answerWhatIsThere() {
        while phase == .awaitingRequest || phase == .exchanging {
            if let exchange {
                pumpBody(exchange)
                guard exchange.response == .complete, exchange.isRequestOver else { break }
                complete(exchange)
            } else if !beginNext() {
                break
            }
        }
    }

    /// Begins the next request where its head is there.
    private func beginNext() -> Bool {
        guard output.count <= Self.outputHighWater else { return false }
        do throws(ProtocolError) {
            guard case .head(let head) = try parser.next() else {
                awaitMore()
                return false
            }
            begin(head)
        } catch {
            refuse(error)
        }
        return true
    }

    private func awaitMore() {
        if parser.isInHead, headStart == nil { headStart = context.system.now() }
        guard inputEnded else { return }
        if parser.isInHead {
            refuse(.malformed("the connection ended within a request's head"))
        } else {
            finish()
        }
    }

    private func begin(_ head: MessageHead) {
        headStart = nil
        requestCount += 1
        phase = .exchanging
        let isLast = requestCount >= UInt64(context.limits.requestsPerConnection) || context.isDraining
        let declared: Int?
        switch head.framing {
        case .none: declared = 0
        case .length(let count): declared = count
        case .chunked: declared = nil
        }
        let disposition = context.handler.accept(
            RequestHead(request: head.request, declaredBodyLength: declared, peer: peer))
        var bodyLimit = Int.max
        if case .run(let limit, _) = disposition { bodyLimit = limit }
        let exchange = Exchange(
            number: requestCount, head: head, bodyLimit: bodyLimit, keepsAlive: head.keepsAlive && !isLast)
        self.exchange = exchange
        if head.expectsContinue { exchange.bodyState = .awaitingDemand }
        isBodyPaused = false
        switch disposition {
        case .respond(let response):
            if respond(response, to: exchange), case .stream(let produce) = response.body {
                runStream(produce, exchange: exchange)
            }
        case .run(_, let operation):
            run(operation, exchange: exchange, declared: declared)
        }
    }

    private func run(
        _ operation: @escaping @Sendable (any RequestBody) async -> Response, exchange: Exchange, declared: Int?
    ) {
        let (loop, id, number) = (self.loop, self.id, exchange.number)
        let channel = BodyChannel(isPaused: exchange.head.expectsContinue) {
            loop.post { $0.demandBody(connection: id, exchange: number) }
        }
        exchange.channel = channel
        if let declared, declared > exchange.bodyLimit {
            channel.fail(.tooLarge(limit: exchange.bodyLimit))
            abandonBody(exchange)
        }
        exchange.task = Task {
            let response = await operation(channel)
            let goesOn = await loop.respond(response, connection: id, exchange: number)
            if goesOn, case .stream(let produce) = response.body {
                await loop.stream(produce, connection: id, exchange: number)
            }
        }
    }

    private func runStream(
        _ produce: @escaping @Sendable (any ResponseWriter) async throws -> Void, exchange: Exchange
    ) {
        let (loop, id, number) = (self.loop, self.id, exchange.number)
        exchange.task = Task {
            await loop.stream(produce, connection: id, exchange: number)
        }
    }

    /// The reader of the body wants bytes: the interim 100, where the client waits for it, and on with reading.
    func demandBody(exchange number: UInt64) {
        guard let exchange, exchange.number == number else { return }
        if case .awaitingDemand = exchange.bodyState {
            exchange.bodyState = .flowing
            // RFC 9110 section 10.1.1: not needed where the body has begun to come by itself.
            if parser.bufferedByteCount == 0 { output.append { $0 += ResponseSerializer.interimContinue } }
        }
        isBodyPaused = false
        advance()
    }

    // MARK: Body

    /// Takes from the parser what it has of the body.
    private func pumpBody(_ exchange: Exchange) {
        while exchange.isReceiving, !isBodyPaused {
            do throws(ProtocolError) {
                switch try parser.next() {
                case .body(let bytes):
                    take(bytes, exchange: exchange)
                case .end:
                    exchange.bodyState = .complete
                    exchange.channel?.finish()
                case .head:
                    // A parser gives no head before the end of the body before it.
                    return
                case nil:
                    if inputEnded { throw .malformed("the connection ended within a request's body") }
                    return
                }
            } catch {
                let isTrailers = error.kind == .fieldsTooLarge
                failBody(exchange, isTrailers ? .trailersTooLarge(error.detail) : .malformed(error.detail))
            }
        }
    }

    private func take(_ bytes: [UInt8], exchange: Exchange) {
        exchange.bodyBytes += bytes.count
        switch exchange.bodyState {
        case .flowing:
            if exchange.bodyBytes > exchange.bodyLimit {
                failBody(exchange, .tooLarge(limit: exchange.bodyLimit))
            } else if let channel = exchange.channel, !channel.supply(bytes) {
                isBodyPaused = true
            }
        case .discarding(let budget):
            if bytes.count > budget {
                abandonBody(exchange)
            } else {
                exchange.bodyState = .discarding(budget: budget - bytes.count)
            }
        case .awaitingDemand, .complete, .abandoned:
            break
        }
    }

    /// Ends the body with an error for its reader, who answers; the connection closes after the answer.
    func failBody(_ exchange: Exchange, _ error: RequestBodyError) {
        exchange.channel?.fail(error)
        abandonBody(exchange)
    }

    private func abandonBody(_ exchange: Exchange) {
        exchange.bodyState = .abandoned
        exchange.keepsAlive = false
    }

    /// Decides, before the answer's head is printed, what becomes of a body that has not been read to its end.
    func settleBody(_ exchange: Exchange) {
        exchange.channel?.fail(.disconnected)
        guard !exchange.isRequestOver else { return }
        let bound = context.limits.drainedBodyBytes
        if case .awaitingDemand = exchange.bodyState {
            // The client may send its body or not (RFC 9110 section 10.1.1): where the next request begins is unknown.
            abandonBody(exchange)
        } else if !exchange.keepsAlive || exchange.remainingBytes ?? 0 > bound {
            abandonBody(exchange)
        } else {
            exchange.bodyState = .discarding(budget: bound)
            isBodyPaused = false
            pumpBody(exchange)
        }
    }

    // MARK: End

    private func complete(_ exchange: Exchange) {
        self.exchange = nil
        if exchange.keepsAlive {
            phase = .awaitingRequest
            phaseStart = context.system.now()
        } else {
            finish()
        }
    }

    /// Stops the work for a client that is gone.
    func abort(_ exchange: Exchange) {
        exchange.channel?.fail(.disconnected)
        exchange.task?.cancel()
    }
}
