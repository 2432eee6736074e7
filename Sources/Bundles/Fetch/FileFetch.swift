import Checkpoints

/// Which file to fetch, from where, and what it has to be.
struct FetchSource: Sendable, Equatable {
    /// Its name on the disk.
    var name: String
    var address: WebAddress
    var size: Int?
    var digest: ExpectedDigest?
    /// Whether what is at this address speaks for the catalogue: its word on size and digest counts.
    var isHub = false

    struct ExpectedDigest: Sendable, Equatable {
        var sha256: String
        var source: DigestSource
    }
}

/// What became of it.
package struct FetchedFile: Sendable, Equatable, Codable {
    package var file: String
    /// Without a query, of which it has a digest.
    package var address: String
    package var bytes: Int
    package var sha256: String
    /// Who said so before it came.
    package var digestBy: DigestSource

    private enum CodingKeys: String, CodingKey {
        case file, address = "url", bytes, sha256, digestBy = "sha256_by"
    }
}

/// Fetches one file into a folder, in as many attempts as it takes. What an earlier process has brought is gone on with.
struct FileFetch {
    /// Attempts count anew after one that brought this share of the file, or as many bytes where its size isn't known.
    private static let worthwhileShare = 0.01
    private static let worthwhileBytes = 1 << 20

    let source: FetchSource
    let folder: String
    let network: NetworkOptions
    /// Told how many bytes are there, of how many.
    let progress: (Int, Int?) -> Void
    let isCancelled: () -> Bool

    /// - Returns: the file, whole, checked and on the disk under its name.
    /// - Throws: why not; what has come is kept unless it is of no use.
    func run() throws(FetchError) -> FetchedFile {
        var attempt = FetchAttempt(
            source: source, part: try PartialFile(folder + "/" + source.name + ".part"), network: network, progress: progress,
            isCancelled: isCancelled)
        var fruitless = 0
        var hasBegunAnew = false
        while true {
            let before = attempt.part.size
            switch try attempt.run() {
            case .whole:
                if let file = try accept(&attempt, isLastTry: hasBegunAnew || !attempt.part.isPatched) { return file }
                hasBegunAnew = true
            case .again(let reason, let wait):
                fruitless = isWorthwhile(attempt.part.size - before, of: attempt.total) ? 1 : fruitless + 1
                guard fruitless <= network.retries else {
                    throw .unreachable(address: source.address.description, reason: reason)
                }
                try pause(max(network.delay(before: fruitless), wait ?? .zero))
            }
        }
    }

    private func isWorthwhile(_ bytes: Int, of total: Int?) -> Bool {
        guard bytes > 0 else { return false }
        return Double(bytes) >= total.map { Double($0) * Self.worthwhileShare } ?? Double(Self.worthwhileBytes)
    }

    /// Waits in small pieces, so that nobody waits for a cancellation.
    private func pause(_ duration: Duration) throws(FetchError) {
        let piece = Duration.milliseconds(100)
        var rest = duration
        while rest > .zero {
            if isCancelled() { throw .cancelled }
            network.pause(min(rest, piece))
            rest -= piece
        }
    }

    /// Compares what came with what was expected, and gives it its name.
    ///
    /// - Returns: nil where bytes of several answers make no file that is right: then one answer may.
    private func accept(_ attempt: inout FetchAttempt, isLastTry: Bool) throws(FetchError) -> FetchedFile? {
        let expected = attempt.expected
        let found: String
        do throws(CheckpointError) {
            found = attempt.part.size == 0
                ? FileDigest.sha256(of: CheckpointBytes([]))
                : FileDigest.sha256(of: try CheckpointBytes(contentsOf: attempt.part.path))
        } catch {
            throw .system(path: attempt.part.path, reason: error.description)
        }
        var fault: FetchError?
        if let size = expected.size, size != attempt.part.size {
            fault = .wrongSize(file: source.name, expected: size, found: attempt.part.size)
        } else if let digest = expected.digest, digest.sha256 != found {
            fault = .wrongDigest(file: source.name, expected: digest.sha256, found: found, source: digest.source)
        }
        if let fault {
            try attempt.part.discard()
            guard isLastTry else { return nil }
            throw fault
        }
        let file = FetchedFile(
            file: source.name, address: source.address.identity, bytes: attempt.part.size, sha256: found,
            digestBy: expected.digest?.source ?? .firstUse)
        try attempt.part.complete(as: folder + "/" + source.name)
        return file
    }
}
