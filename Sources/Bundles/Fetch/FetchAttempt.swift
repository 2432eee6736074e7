/// One attempt at a file: from its address through redirections to an answer with bytes, which go behind those that are
/// there.
struct FetchAttempt: ~Copyable {
    enum End: Equatable {
        /// Nothing more is to come.
        case whole
        case again(reason: String, after: Duration?)
    }

    let source: FetchSource
    var part: PartialFile
    let network: NetworkOptions
    let progress: (Int, Int?) -> Void
    let isCancelled: () -> Bool
    /// What the file has to be: the source's word, else the hub's.
    private(set) var expected: (size: Int?, digest: FetchSource.ExpectedDigest?)
    /// The hub's word of this attempt.
    private var linkedDigest: String?
    /// Bytes since the disk's room was looked at.
    private var unlooked = 0
    private static let betweenLooks = 8 << 20

    /// Bytes of the whole file, where that is known.
    var total: Int? { expected.size ?? part.origin?.total }

    init(
        source: FetchSource, part: consuming PartialFile, network: NetworkOptions,
        progress: @escaping (Int, Int?) -> Void, isCancelled: @escaping () -> Bool
    ) {
        self.source = source
        self.part = part
        self.network = network
        self.progress = progress
        self.isCancelled = isCancelled
        expected = (source.size, source.digest)
    }

    /// - Throws: what another attempt would not mend.
    mutating func run() throws(FetchError) -> End {
        var address = source.address
        for hop in 0...network.redirectionLimit {
            if isCancelled() { throw .cancelled }
            // Whoever is on the way could put another file there, and nothing would tell.
            guard address.scheme == .https || address.isLoopback || expected.digest != nil else {
                throw .insecure(address: address.description, file: source.name)
            }
            let start = resumableSize
            let answer = try ask(address, from: start, isFirst: hop == 0)
            if let location = answer.head.location {
                let next = try address.redirected(to: location)
                guard address.scheme == .http || next.scheme == .https else {
                    throw .insecureRedirection(from: address.description, to: next.description)
                }
                address = next
                continue
            }
            return try end(of: answer, from: start, address)
        }
        throw .tooManyRedirections(address: source.address.description, limit: network.redirectionLimit)
    }

    /// Bytes that are there and that the rest can be asked for, so that either it fits or the digest tells.
    private var resumableSize: Int {
        guard let origin = part.origin, part.size > 0 else { return 0 }
        let isSame = origin.address == source.address.identity && origin.condition != nil || expected.digest != nil
        return isSame ? part.size : 0
    }

    // MARK: Asking

    private mutating func ask(
        _ address: WebAddress, from start: Int, isFirst: Bool
    ) throws(FetchError) -> HTTPTransfer.Answer {
        var transfer = HTTPTransfer(address: address, network: network, isCancelled: isCancelled)
        if let token = network.token(for: address) { transfer.fields.append("Authorization: Bearer \(token)") }
        if start > 0 {
            transfer.firstByte = start
            if let condition = part.origin?.condition { transfer.fields.append("If-Range: \(condition)") }
        }
        // What libcurl calls back runs while this call lasts, on this thread; the attempt is lent to it for so long.
        return try withUnsafeMutablePointer(to: &self) { attempt throws(FetchError) in
            try transfer.run { head throws(FetchError) in
                if isFirst, attempt.pointee.source.isHub { try attempt.pointee.listen(to: head) }
                guard try attempt.pointee.begin(head, from: start) else { return nil }
                return { bytes throws(FetchError) in try attempt.pointee.take(bytes) }
            }
        }
    }

    /// What the hub says of the file in its first answer, whether or not that has the bytes. It knows better than what was
    /// recorded at another time.
    private mutating func listen(to head: AnswerHead) throws(FetchError) {
        if let digest = head.linkedDigest {
            linkedDigest = digest
            let known = expected.digest.flatMap { $0.source == .recorded ? nil : $0 }
            if let known, known.sha256 != digest {
                throw .wrongDigest(file: source.name, expected: known.sha256, found: digest, source: known.source)
            }
            expected.digest = known ?? .init(sha256: digest, source: .hub)
        }
        if let size = head.linkedSize {
            if let expected = expected.size, expected != size {
                throw .wrongSize(file: source.name, expected: expected, found: size)
            }
            expected.size = size
        }
        if let former = part.origin?.linkedDigest, let linkedDigest, former != linkedDigest { try part.discard() }
    }

    /// Whether the body of this answer is wanted; the part is ready for it then.
    private mutating func begin(_ head: AnswerHead, from start: Int) throws(FetchError) -> Bool {
        switch head.status {
        case 200:
            try checkSize(head.contentLength, from: 0)
            try part.begin(.init(
                address: source.address.identity, entityTag: head.strongEntityTag, lastModified: head.lastModified,
                linkedDigest: linkedDigest, total: head.contentLength))
        case 206 where isRest(head, from: start):
            try checkSize(head.contentRange?.total, from: start)
            try part.goOn()
        default: return false
        }
        progress(part.size, total)
        return true
    }

    /// Whether what comes are the bytes behind those that are there, of the same version.
    private func isRest(_ head: AnswerHead, from start: Int) -> Bool {
        guard start > 0, part.size == start, let range = head.contentRange, range.first == start else { return false }
        if let tag = head.strongEntityTag, let former = part.origin?.entityTag, tag != former { return false }
        if let total = range.total, let former = part.origin?.total, total != former { return false }
        return true
    }

    private func checkSize(_ found: Int?, from start: Int) throws(FetchError) {
        if let size = expected.size, let found, found != size {
            throw .wrongSize(file: source.name, expected: size, found: found)
        }
        guard let size = expected.size ?? found else { return }
        guard size <= network.fileLimit else {
            throw .overLimit(file: source.name, bytes: size, limit: network.fileLimit)
        }
        try checkRoom(for: max(0, size - start))
    }

    private func checkRoom(for bytes: Int) throws(FetchError) {
        let folder = Disk.parent(of: part.path)
        let needed = bytes + network.diskReserve
        if let free = network.freeBytes(folder), free < needed {
            throw .noRoom(folder: folder, needed: needed, free: free)
        }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        let limit = total ?? network.fileLimit
        guard bytes.count <= limit - part.size else {
            try part.discard()
            throw .overLimit(file: source.name, bytes: limit + 1, limit: limit)
        }
        // Others write to the disk as well, and not every answer says how much will come.
        unlooked += bytes.count
        if unlooked >= Self.betweenLooks {
            unlooked = 0
            try checkRoom(for: bytes.count)
        }
        try part.append(bytes)
        progress(part.size, total)
    }

    // MARK: What came of it

    private mutating func end(
        of answer: HTTPTransfer.Answer, from start: Int, _ address: WebAddress
    ) throws(FetchError) -> End {
        if case .broken(let reason, let isWorthAnotherTry) = answer.end {
            guard isWorthAnotherTry else { throw .unreachable(address: address.description, reason: reason) }
            return .again(reason: reason, after: nil)
        }
        switch answer.head.status {
        case 206 where part.size == start:
            // Not the rest of what is there: the file has changed, or the server can't count.
            try part.discard()
            return .again(
                reason: "the file changed while it was fetched, or the server sent other bytes than asked for", after: nil)
        case 200, 206:
            guard let total, part.size < total else { return .whole }
            return .again(reason: "the answer ended after \(part.size) of \(total) bytes", after: nil)
        case 416:
            if answer.head.contentRange?.total == start, start > 0 { return .whole }
            try part.discard()
            return .again(reason: "the server has not the bytes behind the first \(start)", after: nil)
        case let status where [408, 425, 429].contains(status) || status >= 500:
            if let wait = answer.retryAfter, wait > network.longestRetryAfter {
                let seconds = wait.components.seconds
                throw .unreachable(
                    address: address.description, reason: "answered \(status) and asks to come again in \(seconds) s")
            }
            return .again(reason: "answered \(status)", after: answer.retryAfter)
        case let status: throw .refused(address: address.description, status: status)
        }
    }
}
