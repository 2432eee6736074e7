package import Checkpoints

/// Puts a bundle together in another folder with all of its tensors in safetensors files. What is in that form already, and
/// lacks nothing, is copied, so that converting once more changes nothing.
package struct BundleConversion {
    /// What a kind of bundle changes in one of its files.
    package struct Change: Sendable {
        /// Whether a tensor is of no use, such as another name of one that is kept.
        package var leavesOut: @Sendable (_ name: String) -> Bool = { _ in false }
        package var adds: [String: StoredTensor] = [:]
        /// What the file's header says beside its tensors.
        package var metadata: [String: String] = [:]

        package init() {}
    }

    /// Beside what `bundle.json` names: the model card, and numbers to check with.
    static let companions = ["README.md", "check.safetensors"]

    private let bundle: Bundle
    private let changes: [String: Change]

    /// - Parameter changes: by file.
    package init(_ bundle: Bundle, changes: [String: Change]) {
        self.bundle = bundle
        self.changes = changes
    }

    /// - Parameter folder: that is there. `bundle.json` is the last thing that is written.
    /// - Throws: where a file is unsound, or can't be written.
    package func write(to folder: String) throws(BundleError) {
        var names: [String: (name: String, sha256: String)] = [:]
        for file in bundle.manifest.files {
            let tensors = file.hasTensors ? try changedTensors(of: file) : nil
            let name = tensors == nil ? file.name : newName(for: file, taken: names.values.map(\.name))
            try write(file, tensors, as: name, to: folder)
            do throws(CheckpointError) {
                names[file.name] = (name, FileDigest.sha256(of: try CheckpointBytes(contentsOf: folder + "/" + name)))
            } catch {
                throw BundleError(error, file: name)
            }
        }
        let document = Self.renamed(bundle.configuration.whole, names).document
        do throws(FetchError) {
            for name in Self.companions where Disk.exists(bundle.directory + "/" + name) {
                try Disk.copy(bundle.directory + "/" + name, to: folder + "/" + name)
            }
            try Disk.write(Array(document.utf8), to: folder + "/bundle.json")
        } catch {
            throw .unreadable(file: folder, reason: error.description)
        }
    }

    /// The file's own name with the ending of what it becomes, or one that says so: none that the bundle's folder has
    /// already, so that what is converted where it is takes no other file's place.
    private func newName(for file: BundleManifest.File, taken: [String]) -> String {
        var stem = file.name
        if let dot = stem.lastIndex(of: ".") { stem = String(stem[..<dot]) }
        // Of an earlier conversion.
        if let mark = stem.ranges(of: Self.mark).last { stem = String(stem[..<mark.lowerBound]) }
        let whole = file.name.hasSuffix(Self.ending) ? [] : [file.name]
        let marked = [Self.mark] + (2...99).map { "\(Self.mark)-\($0)" }
        let candidates = ([stem] + whole + marked.map { stem + $0 }).map { $0 + Self.ending }
        let isFree = { !taken.contains($0) && !Disk.exists(bundle.directory + "/" + $0) }
        return candidates.first(where: isFree) ?? file.name + Self.ending
    }

    private static let ending = ".safetensors"
    private static let mark = ".converted"

    /// - Parameter tensors: nil for the file as it is.
    private func write(
        _ file: BundleManifest.File, _ tensors: [String: StoredTensor]?, as name: String, to folder: String
    ) throws(BundleError) {
        let path = folder + "/" + name
        if let tensors {
            do throws(CheckpointError) {
                try SafetensorsWriter.write(tensors, metadata: changes[file.name]?.metadata ?? [:], to: path)
            } catch {
                throw BundleError(error, file: name)
            }
            return
        }
        do throws(FetchError) {
            try Disk.copy(bundle.directory + "/" + file.name, to: path)
        } catch {
            throw .unreadable(file: name, reason: error.description)
        }
    }

    /// Nil where the file is as it should be.
    private func changedTensors(of file: BundleManifest.File) throws(BundleError) -> [String: StoredTensor]? {
        let change = changes[file.name] ?? Change()
        let dictionary = try bundle.tensors(of: file)
        var tensors: [String: StoredTensor] = [:]
        for name in dictionary.names where !change.leavesOut(name) { tensors[name] = dictionary[name] }
        let isComplete = tensors.count == dictionary.names.count
            && change.adds.allSatisfy { name, tensor in dictionary[name].map { $0.isSame(as: tensor) } ?? false }
            && change.metadata.allSatisfy { key, value in dictionary.metadata[key] == value }
        guard !isComplete || !file.name.hasSuffix(Self.ending) else { return nil }
        return tensors.merging(change.adds) { $1 }
    }

    /// With files' new names and digests wherever they are named.
    private static func renamed(
        _ value: JSONValue, _ names: [String: (name: String, sha256: String)]
    ) -> JSONValue {
        switch value {
        case .object(var members):
            for (key, member) in members { members[key] = renamed(member, names) }
            if let file = members["file"]?.text, members["sha256"] != nil, let new = names[file] {
                (members["file"], members["sha256"]) = (.text(new.name), .text(new.sha256))
            }
            return .object(members)
        case .list(let elements): return .list(elements.map { renamed($0, names) })
        default: return value
        }
    }
}

extension StoredTensor {
    /// Type, shape and every bit.
    fileprivate func isSame(as other: StoredTensor) -> Bool {
        scalarType == other.scalarType && shape == other.shape
            && withBytes { own in other.withBytes { own.elementsEqual($0) } }
    }
}
