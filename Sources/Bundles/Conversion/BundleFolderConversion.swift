import Threads

/// Converts a bundle's folder to another, or where it is.
package struct BundleFolderConversion: Sendable {
    private let folder: String
    private let target: String?
    private let keepsOriginal: Bool
    private let preparation: any BundlePreparing

    /// - Parameters:
    ///   - target: a folder that isn't there yet; nil to convert in place.
    ///   - keepsOriginal: in the folder `original` of the new one.
    package init(_ folder: String, to target: String?, keepsOriginal: Bool, preparation: any BundlePreparing) {
        self.folder = folder
        self.target = target
        self.keepsOriginal = keepsOriginal
        self.preparation = preparation
    }

    /// - Returns: false where the bundle in its place was as it should be, and nothing was done.
    package func run() async throws -> Bool {
        try await WorkerThread.run(name: "convert") { try convert() }
    }

    private func convert() throws -> Bool {
        if let target, Disk.exists(target) { throw FetchError.system(path: target, reason: "is there already") }
        var place = target ?? folder
        while place.count > 1, place.hasSuffix("/") { place.removeLast() }
        let staging = place + ".converting"
        try Disk.remove(staging)
        try Disk.makeFolders(staging)
        do {
            try preparation.prepare(folder, into: staging)
            if target == nil, try isSame(staging) {
                try Disk.remove(staging)
                return false
            }
            try carryOver(to: staging)
            try Disk.synchronise(staging)
            if try Disk.exchange(staging, with: place) {
                if keepsOriginal {
                    try Disk.move(staging, to: place + "/" + BundleFetch.originalFolder)
                } else {
                    try Disk.remove(staging)
                }
            } else if keepsOriginal {
                try Disk.copyFolder(folder, to: place + "/" + BundleFetch.originalFolder)
            }
        } catch {
            try? Disk.remove(staging)
            throw error
        }
        return true
    }

    /// Whether every file of the conversion is in the bundle's folder already.
    private func isSame(_ staging: String) throws(FetchError) -> Bool {
        for name in DirectoryListing.names(in: staging) where try !Disk.areSame(staging + "/" + name, folder + "/" + name) {
            return false
        }
        return true
    }

    /// What else a user has put into the folder stays, but for the files that were converted.
    private func carryOver(to staging: String) throws {
        let converted = Set(try Bundle.manifest(in: folder).files.map(\.name))
        for name in DirectoryListing.names(in: folder) where !converted.contains(name) && !Disk.exists(staging + "/" + name) {
            guard Disk.size(of: folder + "/" + name) != nil else { continue }
            try Disk.copy(folder + "/" + name, to: staging + "/" + name)
        }
    }
}
