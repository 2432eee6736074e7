import Threads

/// Converts a bundle's folder to another, or where it is.
///
/// Where it is, the new files are put beside those that are there, under names that are free; then `bundle.json` is replaced,
/// and with it the bundle, at once; then the files that only the old one named go. Nothing else in the folder is touched.
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

    private static let manifest = "bundle.json"

    private func convert() throws -> Bool {
        if let target, Disk.exists(target) { throw FetchError.system(path: target, reason: "is there already") }
        let place = try Disk.realPath(target ?? folder)
        let staging = Disk.hidden(place, ending: ".converting")
        try Disk.makeFolders(Disk.parent(of: place))
        let lock = FolderLock(
            path: Disk.hidden(place, ending: ".lock"), pause: NetworkOptions().pause, isCancelled: { false }, onWait: {})
        return try lock.hold { () throws(FetchError) in
            // Of a conversion that was cut short: nothing in it is anybody's.
            try Disk.remove(staging)
            try Disk.makeFolders(staging)
            let result = Result { try target == nil ? convert(in: place, by: staging) : make(place, of: staging) }
            try Disk.remove(staging)
            return result
        }.get()
    }

    // MARK: Where it is

    private func convert(in place: String, by staging: String) throws -> Bool {
        try preparation.prepare(place, into: staging)
        let names = DirectoryListing.names(in: staging)
        let new = try names.filter { try !Disk.areSame(staging + "/" + $0, place + "/" + $0) }
        guard !new.isEmpty else { return false }
        let (old, converted) = (try Bundle.manifest(in: place), try Bundle.manifest(in: staging))
        let leaving = Set(old.files.map(\.name)).subtracting(converted.files.map(\.name))
        if keepsOriginal { try keep(old, of: place, in: place + "/" + BundleFetch.originalFolder, linking: leaving) }
        var installed: [String] = []
        do {
            for name in new where name != Self.manifest {
                let path = place + "/" + name
                guard !Disk.exists(path) else { throw FetchError.system(path: path, reason: "is there already") }
                try Disk.move(staging + "/" + name, to: path)
                installed.append(path)
            }
            try Disk.synchronise(place)
            if new.contains(Self.manifest) {
                try Disk.move(staging + "/" + Self.manifest, to: place + "/" + Self.manifest)
            }
        } catch {
            for path in installed { try? Disk.remove(path) }
            throw error
        }
        for name in leaving { try Disk.remove(place + "/" + name) }
        return true
    }

    /// Puts what a bundle is made of into a folder that isn't there yet.
    ///
    /// - Parameter linking: files that are about to go from where they are: they needn't be copied.
    private func keep(
        _ manifest: BundleManifest, of bundle: String, in original: String, linking: Set<String> = []
    ) throws(FetchError) {
        guard !Disk.exists(original) else {
            throw .system(path: original, reason: "is there already: what is published has one place; move it away first")
        }
        let staging = Disk.hidden(original, ending: ".new")
        try Disk.remove(staging)
        try Disk.makeFolders(staging)
        let companions = BundleConversion.companions.filter { Disk.exists(bundle + "/" + $0) }
        for name in manifest.files.map(\.name) + companions + [Self.manifest] {
            let (path, other) = (bundle + "/" + name, staging + "/" + name)
            if linking.contains(name) { try Disk.link(path, to: other) } else { try Disk.copy(path, to: other) }
        }
        try Disk.synchronise(staging)
        try Disk.move(staging, to: original)
    }

    // MARK: Elsewhere

    private func make(_ place: String, of staging: String) throws -> Bool {
        try preparation.prepare(folder, into: staging)
        let manifest = try Bundle.manifest(in: folder)
        try carryOver(besides: manifest, to: staging)
        if keepsOriginal { try keep(manifest, of: folder, in: staging + "/" + BundleFetch.originalFolder) }
        try Disk.synchronise(staging)
        guard !Disk.exists(place) else { throw FetchError.system(path: place, reason: "is there already") }
        try Disk.move(staging, to: place)
        return true
    }

    /// What else a user has right in the folder comes along, but for the files that were converted.
    private func carryOver(besides manifest: BundleManifest, to staging: String) throws {
        let converted = Set(manifest.files.map(\.name))
        for name in DirectoryListing.names(in: folder) where !converted.contains(name) && !Disk.exists(staging + "/" + name) {
            guard Disk.size(of: folder + "/" + name) != nil else { continue }
            try Disk.copy(folder + "/" + name, to: staging + "/" + name)
        }
    }
}
