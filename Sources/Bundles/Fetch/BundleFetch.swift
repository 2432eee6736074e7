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
            try carryOver(from: staging, to: place)
            try Disk.remove(staging)
            return FetchedBundle(folder: place, files: record.files, wasThere: true)
        }
        guard !entry.asksForAcceptance || options.acceptsLicence else {
            throw .licence(bundle: entry.name, terms: entry.licence)
        }

        let original = staging + "/" + Self.originalFolder
        let files: FetchRecord
        do throws(FetchError) {
            try Disk.makeFolders(original)
            files = try bringFiles(into: original, progress, isCancelled)
            progress(.converting)
            try convert(original, into: staging, files)
        } catch {
            if hasNothing(original) { try Disk.remove(staging) }
            throw error
        }
        let isReplacing = try Disk.exchange(staging, with: place)
        if !options.keepsOriginals { try Disk.remove(place + "/" + Self.originalFolder) }
        if isReplacing { try carryOver(from: staging, to: place) }
        try Disk.remove(staging)
        return FetchedBundle(folder: place, files: files.files, wasThere: false)
    }

    /// Whether nothing has come that the next fetch could go on with.
    private func hasNothing(_ folder: String) -> Bool {
        let names = entry.files.flatMap { [$0.name, $0.name + ".part"] }
        return !names.contains { (Disk.size(of: folder + "/" + $0) ?? 0) > 0 }
    }

    /// What a user has put into a bundle's folder stays when another version takes its place.
    private func carryOver(from former: String, to place: String) throws(FetchError) {
        guard let manifest = try? Bundle.manifest(in: former) else { return }
        var own = Set(manifest.files.map(\.name) + ["bundle.json", "check.safetensors", FetchRecord.name])
        if WeightsFolder.isBundle(former + "/" + Self.originalFolder) { own.insert(Self.originalFolder) }
        for name in DirectoryListing.names(in: former) where !own.contains(name) {
            let path = place + "/" + name
            try Disk.move(former + "/" + name, to: Disk.exists(path) ? path + ".former" : path)
        }
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
            // Who names an address means what is there.
            guard options.addresses[file.name] == nil || had.address == address(of: file)?.identity else { return false }
            return (file.sha256 ?? options.digests[file.name]).map { $0 == had.sha256 } ?? true
        }
        guard isWanted, record.version == entry.version, (try? BundleVerification(place))?.isSound == true else { return nil }
        let original = place + "/" + Self.originalFolder
        guard !options.keepsOriginals || WeightsFolder.isBundle(original) else { return nil }
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
            if options.localFiles[file.name] == nil, let had = record[file.name], isThere(had, of: file, in: folder, expected) {
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

    /// Who says what a file has to be: the catalogue, else the user, else what was recorded when it came first, unless the
    /// hub knows better.
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

    /// Whether a file that an earlier fetch has brought is there still, and right. One of which nobody knows what it has to
    /// be is right at its own address only.
    private func isThere(
        _ had: FetchedFile, of file: CatalogueEntry.File, in folder: String, _ expected: FetchSource.ExpectedDigest?
    ) -> Bool {
        if let expected, expected.sha256 != had.sha256 { return false }
        if expected == nil, had.digestBy == .firstUse, let address = address(of: file), had.address != address.identity {
            return false
        }
        guard let bytes = try? CheckpointBytes(contentsOf: folder + "/" + had.file) else { return false }
        return FileDigest.sha256(of: bytes) == had.sha256
    }

    /// Where a file is fetched from; nil where nobody says so.
    private func address(of file: CatalogueEntry.File) -> WebAddress? {
        guard let published = options.addresses[file.name] ?? file.address else { return nil }
        guard let mirror = options.mirror else { return published }
        return try? published.at(mirror: mirror)
    }

    /// Whether an address is the catalogue's own server, which nobody else can speak for, or this machine in its place.
    private func isHub(_ file: CatalogueEntry.File) -> Bool {
        guard let own = file.address, let published = options.addresses[file.name] ?? file.address else { return false }
        return published.host == own.host && (options.mirror?.isLoopback ?? (published.scheme == .https))
    }

    private func bring(
        _ file: CatalogueEntry.File, _ expected: FetchSource.ExpectedDigest?, into folder: String,
        _ isCancelled: @escaping () -> Bool, _ progress: @escaping (Int, Int?) -> Void
    ) throws(FetchError) -> FetchedFile {
        if let local = options.localFiles[file.name] {
            return try LocalFile(path: local, name: file.name, digest: expected).copy(into: folder)
        }
        guard !options.isOffline else { throw .offline(file: file.name) }
        guard let address = address(of: file) else {
            throw .noAddress(file: file.name, obtain: entry.obtainWords)
        }
        let source = FetchSource(
            name: file.name, address: address, size: file.bytes, digest: expected, isHub: isHub(file))
        let fetch = FileFetch(
            source: source, folder: folder, network: options.network, progress: progress, isCancelled: isCancelled)
        return try fetch.run()
    }

    /// Looks before anything comes: the files, and once more as much for what they are converted to.
    private func checkRoom(_ folder: String) throws(FetchError) {
        let there = entry.files.reduce(0) { sum, file in
            sum + (Disk.size(of: folder + "/" + file.name) ?? Disk.size(of: folder + "/" + file.name + ".part") ?? 0)
        }
        let needed = max(0, 2 * entry.roughBytes - there) + options.network.diskReserve
        if let free = options.network.freeBytes(folder), free < needed {
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
            let remedy = try remedy(for: error, original, record)
            throw .unfit(bundle: entry.name, reason: "\(error)", remedy: remedy)
        }
        try record.write(to: staging)
        try Disk.synchronise(staging)
    }

    /// What helps where files can't be converted. Those that nobody vouched for go: the next fetch brings them anew.
    private func remedy(
        for error: any Error, _ original: String, _ record: FetchRecord
    ) throws(FetchError) -> String {
        guard UnfitFiles.areToBlame(for: error) else { return "what has come is kept, and the next fetch goes on from there" }
        let doubtful = UnfitFiles.doubtful(record.files, error)
        guard !doubtful.isEmpty else {
            return "its files are those that were asked for; restored weights remove \(entry.name) gives back their room"
        }
        for file in doubtful { try Disk.remove(original + "/" + file) }
        var record = record
        record.files.removeAll { doubtful.contains($0.file) }
        try record.write(to: original)
        let one = doubtful[0]
        return doubtful.joined(separator: ", ") + " is fetched anew the next time; "
            + "--url \(one)=URL names another address, --sha256 \(one)=HEX what it has to be"
    }
}
