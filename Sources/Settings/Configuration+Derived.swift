package import Engine
package import Images
package import Redis
package import Scheduling

extension Configuration {
    /// What of this concerns pictures.
    package var imageLimits: ImageLimits {
        var limits = ImageLimits()
        limits.pixels = megapixelLimit * 1_000_000
        limits.longestSide = sideLimit
        limits.shortestSide = Self.smallestSide
        return limits
    }

    /// Where replicas share jobs; nil where they are kept in memory.
    package var jobStoreAddress: RedisAddress? { jobStore.isEmpty ? nil : try? RedisAddress(jobStore) }

    /// The most bytes that a job store's server takes in one text, as it is set up by default.
    package static let jobStoreText = 512 << 20

    package var serviceRole: ServiceRole { ServiceRole(rawValue: role) ?? .all }

    /// Whether people find a page at `/`.
    package var showsPage: Bool { page == "on" }

    /// Where a service of this configuration says whether it is ready, seen from its own machine: the first that answers.
    /// `::` stands for both families, of which a machine may lack one.
    package var readinessURLs: [String] {
        let names =
            switch host {
            case "0.0.0.0": ["127.0.0.1"]
            case "::": ["[::1]", "127.0.0.1"]
            // The interface behind a percent sign is percent-encoded in turn (RFC 6874).
            case let host where host.contains(":"): ["[\(host.replacing("%", with: "%25"))]"]
            case let host: [host]
            }
        return names.map { "http://\($0):\(port)/health/ready" }
    }

    /// Adds the keys in the text of a key file: one a line; blank lines and those that start with `#` are skipped.
    ///
    /// - Throws: where a key is malformed, or there is none.
    package mutating func addKeys(inFile text: String) throws(ConfigurationError) {
        apiKeys += try APIKeyFormat.keys(inFile: text)
    }
}

extension Configuration {
    /// The memory of all weights. Where nobody has set it, a bundle that is larger by itself may still be there alone.
    package var weightsLimit: WeightsLimit { WeightsLimit(bytes: weightsMemory, isStrict: !choosesWeightsMemory) }

    /// The memory of bodies, pictures and answers: uploads leave room for the work on one largest picture.
    package func makeMemoryBudget() -> MemoryBudget {
        let work = PictureMemory.peakBytesPerPixel * megapixelLimit * 1_000_000
        // A body in pieces and whole, for a moment.
        return MemoryBudget(limit: requestMemory, workReserve: min(work, max(0, requestMemory - 2 * bodyLimit)))
    }
}

/// What a process does among those that share a job store.
package enum ServiceRole: String, CaseIterable, Sendable {
    case all
    /// Takes requests and has no weights.
    case front
    /// Does jobs and takes no requests but those about itself.
    case worker
}
