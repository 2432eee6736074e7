/// What a user says about one fetch.
package struct FetchOptions: Sendable {
    /// Where to go instead of each address's scheme and host; the path stays.
    package var mirror: WebAddress?
    /// Addresses by file, in place of the catalogue's.
    package var addresses: [String: WebAddress] = [:]
    /// SHA-256 by file, where the catalogue has none.
    package var digests: [String: String] = [:]
    /// Files at hand, by the catalogue's names of them: nothing is fetched for these.
    package var localFiles: [String: String] = [:]
    package var isOffline = false
    package var acceptsLicence = false
    /// Keeps what was published, as a bundle of its own in the folder `original`.
    package var keepsOriginals = false
    package var network = NetworkOptions()

    package init() {}
}

/// How far a fetch is.
package enum FetchProgress: Sendable, Equatable {
    /// Another process works on the same bundle.
    case waiting
    case receiving(Receiving)
    /// All is there and right, and is made ready for use.
    case converting

    package struct Receiving: Sendable, Equatable {
        package var file: String
        /// Bytes of this file that are there, those of earlier fetches included.
        package var received: Int
        package var total: Int?
        /// Bytes of all of the bundle's files; where a size isn't known, roughly.
        package var receivedOfAll: Int
        package var totalOfAll: Int
    }
}

/// What a fetch has brought.
package struct FetchedBundle: Sendable, Equatable {
    package var folder: String
    /// As they were published.
    package var files: [FetchedFile]
    /// It was here before, and nothing was done.
    package var wasThere: Bool
}

/// What makes of a bundle as it is published one that is served: a kind's own matter, which `Engine` knows.
package protocol BundlePreparing: Sendable {
    /// The kinds that can be run.
    var kinds: Set<String> { get }

    /// - Parameters:
    ///   - original: the folder of a bundle.
    ///   - folder: another folder, in which the bundle is put together.
    /// - Throws: where it can't be, or doesn't fit what its `bundle.json` says.
    func prepare(_ original: String, into folder: String) throws
}
