import Checkpoints
import Synchronization
import Threads

/// Brings a catalogue's bundle into the folder of weights: fetched, checked, converted, and put in its place at once.
///
/// All of it happens in `.NAME.part` beside that place, under a lock against other processes; what an earlier fetch has
/// brought there is gone on with. A bundle that is there stays until the new one is whole.
package struct BundleFetch: Sendable {
    package let entry: CatalogueEntry
    package let weights: WeightsFolder
    package let options: FetchOptions
    private let preparation: any BundlePreparing

    /// The folder in a bundle's own that keeps what was published.
    package static let originalFolder = "original"

    package init(
        _ entry: CatalogueEntry, into weights: WeightsFolder, options: FetchOptions, preparation: any BundlePreparing
    ) {
        self.entry = entry
        self.weights = weights
        self.options = options
        self.preparation = preparation
    }

    /// The same on a thread of its own. Cancelling the task ends it within a second or so.
    package func run(progress: @escaping @Sendable (FetchProgress) -> Void) async throws -> FetchedBundle {
        let isCancelled = Atomic(false)
        return try await withTaskCancellationHandler {
            try await WorkerThread.run(name: "fetch") {
                try run(progress: progress, isCancelled: { isCancelled.load(ordering: .relaxed) })
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
    }

    /// Blocks the calling thread for as long as it takes.
    ///
    /// - Parameters:
    ///   - progress: told on this thread, whenever bytes come.
    ///   - isCancelled: asked about once a second and more often.
    package func run(
        progress: @escaping (FetchProgress) -> Void, isCancelled: @escaping () -> Bool
    ) throws(FetchError) -> FetchedBundle {
        try checkKind()
        try Disk.makeFolders(weights.path)
        let lock = FolderLock(
            path: weights.path + "/.\(entry.name).lock", pause: options.network.pause, isCancelled: isCancelled,
            onWait: { progress(.waiting) })
        return try lock.hold { () throws(FetchError) in try fetch(progress, isCancelled) }
    }

    private func fetch(
        _ progress: @escaping (FetchProgress) -> Void, _ isCancelled: @escaping () -> Bool
    ) throws(FetchError) -> FetchedBundle {
        let place = weights.folder(of: entry.name)
        let staging = weights.path + "/.\(entry.name).part"
        Disk.restore(place)
        if let record = try recordIfSound(place) {
            // Of a fetch that was killed as it put the bundle in place.
            try Disk.remove(staging)
            return FetchedBundle(folder: place, files: record.files, wasThere: true)
        }
        guard !entry.asksForAcceptance || options.acceptsLicence else {
            throw .licence(bundle: entry.name, terms: entry.licence)
        }

        let original = staging + "/" + Self.originalFolder
        try Disk.makeFolders(original)
        let files = try bringFiles(into: original, progress, isCancelled)
        progress(.converting)
        try convert(original, into: staging, files)
        if try Disk.exchange(staging, with: place) { try Disk.remove(staging) }
        if !options.keepsOriginals { try Disk.remove(place + "/" + Self.originalFolder) }
        return FetchedBundle(folder: place, files: files.files, wasThere: false)
    }

    private func checkKind() throws(FetchError) {
        guard let kind = entry.kind else {
            throw .unsupported(bundle: entry.name, reason: "its networks are not built in yet; \(entry.page) has the files")
        }
        guard preparation.kinds.contains(kind) else {
            throw .unsupported(
                bundle: entry.name,
                reason: "expected a bundle of the kind \(preparation.kinds.sorted().joined(separator: " or ")), found \(kind)")
        }
    }

    /// What is known of the bundle in its place; nil where there is none, or not the one that is wanted, or a broken one.
    private func recordIfSound(_ place: String) throws(FetchError) -> FetchRecord? {
        guard WeightsFolder.isBundle(place) else { return nil }
        guard let record = FetchRecord(in: place) else {
            throw .contradiction(
                file: place, reason: "a bundle of this name is there that was not fetched; restored weights remove takes it away")
        }
        let isWanted = entry.files.allSatisfy { file in
            guard let had = record[file.name], options.localFiles[file.name] == nil else { return false }
            return (file.sha256 ?? options.digests[file.name]).map { $0 == had.sha256 } ?? true
        }
        guard isWanted, record.version == entry.version, (try? BundleVerification(place))?.isSound == true else { return nil }
        let original = place + "/" + Self.originalFolder
        guard !options.keepsOriginals || WeightsFolder.isBundle(original) else { return nil }
        if !options.keepsOriginals { try Disk.remove(original) }
        return record
    }

    // MARK: Files

    private func bringFiles(
        into folder: String, _ progress: @escaping (FetchProgress) -> Void, _ isCancelled: @escaping () -> Bool
    ) throws(FetchError) -> FetchRecord {
        let former = FetchRecord(in: weights.folder(of: entry.name))
        var record = FetchRecord(in: folder) ?? FetchRecord(of: entry)
        (record.bundle, record.version) = (entry.name, entry.version)
        record.files.removeAll { had in !entry.files.contains { $0.name == had.file } }
        try checkRoom(folder)
        var sizes = Dictionary(uniqueKeysWithValues: entry.files.map { ($0.name, $0.bytes ?? $0.roughBytes ?? 0) })
        var done = 0
        for file in entry.files {
            // Who names a file at hand means that one, whatever came at another time.
            let expected = try digest(of: file, former: options.localFiles[file.name] == nil ? former : nil)
            if options.localFiles[file.name] == nil, let had = record[file.name], isThere(had, in: folder, expected) {
                done += had.bytes
                sizes[file.name] = had.bytes
                continue
            }
            let fetched = try bring(file, expected, into: folder, isCancelled) { received, total in
                sizes[file.name] = total ?? max(received, sizes[file.name] ?? 0)
                progress(.receiving(.init(
                    file: file.name, received: received, total: total, receivedOfAll: done + received,
                    totalOfAll: sizes.values.reduce(0, +))))
            }
            done += fetched.bytes
            sizes[file.name] = fetched.bytes
            record.add(fetched)
            try record.write(to: folder)
        }
        return record
    }

    /// Who says what a file has to be: the catalogue, else the user, else what was recorded when it came first.
    private func digest(
        of file: CatalogueEntry.File, former: FetchRecord?
    ) throws(FetchError) -> FetchSource.ExpectedDigest? {
        let given = options.digests[file.name]
        if let sha256 = file.sha256 {
            guard given == nil || given == sha256 else {
                throw .contradiction(file: file.name, reason: "the catalogue says SHA-256 \(sha256), --sha256 another one")
            }
            return .init(sha256: sha256, source: .catalogue)
        }
        if let given { return .init(sha256: given, source: .given) }
        return former?[file.name].map { .init(sha256: $0.sha256, source: .recorded) }
    }

    /// Whether a file that an earlier fetch has brought is there still, and right.
    private func isThere(_ had: FetchedFile, in folder: String, _ expected: FetchSource.ExpectedDigest?) -> Bool {
        guard expected.map({ $0.sha256 == had.sha256 }) ?? true,
            let bytes = try? CheckpointBytes(contentsOf: folder + "/" + had.file)
        else { return false }
        return FileDigest.sha256(of: bytes) == had.sha256
    }

    private func bring(
        _ file: CatalogueEntry.File, _ expected: FetchSource.ExpectedDigest?, into folder: String,
        _ isCancelled: @escaping () -> Bool, _ progress: @escaping (Int, Int?) -> Void
    ) throws(FetchError) -> FetchedFile {
        if let local = options.localFiles[file.name] {
            return try LocalFile(path: local, name: file.name, digest: expected).copy(into: folder)
        }
        guard !options.isOffline else { throw .offline(file: file.name) }
        guard let published = options.addresses[file.name] ?? file.address else {
            throw .noAddress(file: file.name, obtain: entry.obtainWords)
        }
        let address = try options.mirror.map { mirror throws(FetchError) in try published.at(mirror: mirror) } ?? published
        let fetch = FileFetch(
            source: FetchSource(name: file.name, address: address, size: file.bytes, digest: expected), folder: folder,
            network: options.network, progress: progress, isCancelled: isCancelled)
        return try fetch.run()
    }

    /// Looks before anything comes: the files, and once more as much for what they are converted to.
    private func checkRoom(_ folder: String) throws(FetchError) {
        let there = entry.files.reduce(0) { sum, file in
            sum + (Disk.size(of: folder + "/" + file.name) ?? Disk.size(of: folder + "/" + file.name + ".part") ?? 0)
        }
        let needed = max(0, 2 * entry.roughBytes - there) + options.network.diskReserve
        if let free = Disk.freeBytes(at: folder), free < needed {
            throw .noRoom(folder: weights.path, needed: needed, free: free)
        }
    }

    // MARK: Conversion

    private func convert(_ original: String, into staging: String, _ record: FetchRecord) throws(FetchError) {
        // Of a conversion that was cut short.
        for name in DirectoryListing.names(in: staging) where name != Self.originalFolder {
            try Disk.remove(staging + "/" + name)
        }
        do {
            let digests = Dictionary(uniqueKeysWithValues: record.files.map { ($0.file, $0.sha256) })
            try Disk.write(Array(entry.manifest(digests: digests).document.utf8), to: original + "/bundle.json")
            try preparation.prepare(original, into: staging)
        } catch {
            throw .unfit(bundle: entry.name, reason: "\(error)")
        }
        try record.write(to: staging)
        try Disk.synchronise(staging)
    }
}
