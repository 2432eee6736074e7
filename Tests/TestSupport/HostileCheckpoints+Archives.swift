extension HostileCheckpoints {
    private static let soundPickle = PickleAssembler.assemble { $0.stateDictionary([("a", PickledView())]) }

    private static func archive(
        _ name: String, _ reason: String, torchLike: Bool = true, _ change: (inout ZipWriter) -> Void
    ) -> HostileCheckpoint {
        var writer = TorchArchiveWriter.archive(soundPickle, isTorchLike: torchLike)
        change(&writer)
        return HostileCheckpoint("archive-\(name).pth", reason, writer.bytes())
    }

    /// Zip archives that are damaged, ambiguous, or not what PyTorch writes. Entries 0 to 3 are data.pkl, byteorder,
    /// data/0 and version.
    static var archives: [HostileCheckpoint] { entryFaults + headerFaults + endFaults + polyglots }

    private static var entryFaults: [HostileCheckpoint] {
        [
            archive("no-pickle", "0 entries called data.pkl") { $0.entries[0].name = Array("model/other.pkl".utf8) },
            archive("two-pickles", "2 entries called data.pkl") {
                $0.entries.append(.init("model/x/data.pkl", soundPickle))
            },
            archive("pickle-twice", "is there twice") { $0.entries.append(.init("model/data.pkl", soundPickle)) },
            archive("pickle-at-the-top", "expected in one folder") { $0.entries[0].name = Array("data.pkl".utf8) },
            archive("pickle-in-two-folders", "expected in one folder") {
                $0.entries[0].name = Array("a/b/data.pkl".utf8)
            },
            archive("storage-twice", "is there twice") { $0.entries.append($0.entries[2]) },
            archive("entry-outside", "stands outside") { $0.entries.append(.init("other/data/0", [1])) },
            archive("parent-folder", "plain relative path") { $0.entries.append(.init("model/../../etc/passwd", [1])) },
            archive("absolute-name", "plain relative path") { $0.entries.append(.init("/etc/passwd", [1])) },
            archive("backslash-name", "plain relative path") { $0.entries.append(.init("model\\..\\x", [1])) },
            archive("control-character-name", "plain relative path") {
                $0.entries.append(.init("model/\u{1B}[2J\n", [1]))
            },
            archive("folder-entry", "plain relative path") { $0.entries.append(.init("model/code/", [])) },
            archive("empty-name", "plain relative path") { $0.entries.append(.init("", [])) },
            archive("name-not-utf-8", "not UTF-8") { $0.entries[3].name = Array("model/".utf8) + [0xC3, 0x28] },
            archive("big-endian", "byte order") { $0.entries[1].data = Array("big".utf8) },
            archive("byte-order-unknown", "byte order") { $0.entries[1].data = [UInt8](repeating: 0x6C, count: 1000) },
            archive("script", "\"__torch__.Model\" is not allowed") {
                $0.entries[0].data = PickleAssembler.assemble { $0.global("__torch__", "Model"); $0.raw(")") }
                $0.entries.append(.init("model/code/__torch__.py", Array("import os".utf8)))
            },
        ]
    }

    private static var headerFaults: [HostileCheckpoint] {
        [
            archive("compressed", "is compressed") { $0.entries[2].method = 8 },
            archive("encrypted", "is encrypted") { $0.entries[2].flags = 1 },
            archive("wrong-checksum", "checksum of \"model/data/0\" is wrong") { $0.entries[2].checksum = 0xDEAD_BEEF },
            archive("wrong-checksum-of-pickle", "checksum of \"model/data.pkl\" is wrong") {
                $0.entries[0].checksum = 0
            },
            archive("wrong-checksum-plain-zip", "is wrong", torchLike: false) { $0.entries[2].checksum = 0xDEAD_BEEF },
            archive("size-too-large", "overlaps what follows") { $0.entries[2].centralSize = 0x7FFF_FFFF },
            archive("size-slightly-larger", "are not what should follow") { $0.entries[2].centralSize = 28 },
            archive("size-smaller", "are not what should follow") { $0.entries[2].centralSize = 4 },
            archive("local-size-differs", "disagree with the directory", torchLike: false) {
                $0.entries[2].localSize = 20
            },
            archive("names-differ", "disagree") { $0.entries[2].centralName = Array("model/data/1".utf8) },
            archive("size-in-missing-extra-field", "extra field") { $0.entries[2].centralSize = 0xFFFF_FFFF },
            archive("wide-size-beyond-the-end", "overlaps what follows") {
                $0.entries[2].centralSize = 0xFFFF_FFFF
                $0.entries[2].centralExtra = wideField([1 << 40, 1 << 40])
            },
            archive("wide-size-negative", "64-bit field") {
                $0.entries[2].centralSize = 0xFFFF_FFFF
                $0.entries[2].centralExtra = wideField([.max, .max])
            },
            archive("wide-field-cut", "extra field") { $0.entries[2].centralExtra = [1, 0, 16, 0, 1, 2, 3] },
            archive("wide-field-twice", "extra field") {
                $0.entries[2].centralSize = 0xFFFF_FFFF
                $0.entries[2].centralExtra = wideField([24, 24]) + wideField([24, 24])
            },
            archive("two-records-one-entry", "not where the directory says") {
                var phantom = ZipWriter.Entry("model/data/1", TorchArchiveWriter.floats(6))
                phantom.isPhantom = true
                phantom.localOffset = 0
                $0.entries.append(phantom)
            },
            archive("overlapping-entries", "overlaps what follows") {
                // An entry whose data holds a whole entry of its own, as in overlapping zip bombs.
                let inner = ZipWriter([.init("model/data/9", [1, 2, 3])])
                var outer = inner
                outer.isTorchLike = false
                let data = outer.bytes()
                $0.isTorchLike = false
                $0.entries.append(.init("model/data/8", data))
                var phantom = ZipWriter.Entry("model/data/9", [1, 2, 3])
                phantom.isPhantom = true
                let before = ZipWriter(Array($0.entries.dropLast()))
                phantom.localOffset = UInt32(localBytes(before) + 30 + "model/data/8".utf8.count)
                $0.entries.append(phantom)
            },
            archive("header-beyond-the-end", "not where the directory says") {
                $0.entries[3].localOffset = 0x7FFF_FFFF
            },
            archive("size-up-to-a-header-beyond-the-end", "not where the directory says", torchLike: false) {
                // data/0 would reach just to where version is said to begin, far past the end of the file.
                let begin = localBytes(ZipWriter(Array($0.entries.prefix(2)))) + 30 + $0.entries[2].name.count
                $0.entries[2].centralSize = 0x7FFF_0000 - UInt32(begin)
                $0.entries[2].localSize = $0.entries[2].centralSize
                $0.entries[3].localOffset = 0x7FFF_0000
            },
        ]
    }

    /// A ZIP64 extra field.
    private static func wideField(_ values: [UInt64]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(1 as UInt16)
        writer.append(UInt16(values.count * 8))
        for value in values { writer.append(value) }
        return writer.bytes
    }

    /// Bytes that entries take in front of the directory of a plain zip.
    private static func localBytes(_ writer: ZipWriter) -> Int {
        writer.entries.reduce(0) { $0 + 30 + $1.name.count + $1.data.count }
    }

    private static var endFaults: [HostileCheckpoint] {
        [
            archive("fewer-entries-said", "bytes too many") { $0.entryCount = 3; $0.wideEntryCount = 3 },
            archive("more-entries-said", "fewer entries") { $0.entryCount = 9; $0.wideEntryCount = 9 },
            archive("a-million-entries-said", "over a limit") { $0.entryCount = 0xFFFF; $0.wideEntryCount = 1_000_000 },
            archive("counts-disagree", "disagree") { $0.wideEntryCount = 9 },
            archive("offsets-disagree", "disagree") { $0.wideDirectoryOffset = 64 },
            archive("wide-offset-negative", "64-bit field") {
                $0.directoryOffset = 0xFFFF_FFFF
                $0.wideDirectoryOffset = .max
            },
            archive("wide-offset-beyond-the-end", "doesn't end") {
                $0.directoryOffset = 0xFFFF_FFFF
                $0.wideDirectoryOffset = UInt64(Int64.max)
            },
            archive("wide-record-elsewhere", "locator") { $0.wideRecordOffset = 0 },
            archive("wide-record-beyond-the-end", "locator") { $0.wideRecordOffset = UInt64(Int64.max) },
            archive("directory-elsewhere", "doesn't end", torchLike: false) { $0.directoryOffset = 0 },
            archive("directory-size-wrong", "doesn't end", torchLike: false) { $0.directorySize = 0xFFFF_FFFE },
            archive("several-disks", "several disks") { $0.disk = 1 },
            archive("no-entries", "no end record") { $0.entries = [] },
            archive("comment-with-end-record", "doesn't end with the file") {
                var other = ZipWriter([.init("evil/data.pkl", Array("x".utf8))])
                other.isTorchLike = false
                $0.comment = other.bytes() + [0, 0, 0, 0]
            },
        ].map { checkpoint in
            // Without an entry nothing begins like an archive.
            checkpoint.name == "archive-no-entries.pth"
                ? HostileCheckpoint(checkpoint.name, "not a checkpoint", checkpoint.bytes) : checkpoint
        }
    }

    /// Files that are one thing to one reader and another to the next.
    private static var polyglots: [HostileCheckpoint] {
        let sound = TorchArchiveWriter.archive(soundPickle).bytes()
        let first = sound.prefix(64)
        return [
            HostileCheckpoint("polyglot-pickle-before-archive.pth", "bare pickle",
                PickleAssembler.assemble { $0.global("os", "system"); $0.raw(")R") } + sound),
            HostileCheckpoint("polyglot-archive-after-archive.pth", "locator", sound + sound),
            HostileCheckpoint("polyglot-pickle-after-archive.pth", "doesn't end with the file",
                sound + PickleAssembler.assemble { $0.raw("}") }),
            HostileCheckpoint("polyglot-bytes-before-archive.pth", "locator", Array(first) + sound),
            HostileCheckpoint("polyglot-tar-and-archive.pth", "not a checkpoint",
                Array("model/data.pkl".utf8) + [UInt8](repeating: 0, count: 498) + sound),
            archive("polyglot-hole-between-entries", "are not what should follow") {
                $0.entries[1].gap = PickleAssembler.assemble { $0.global("os", "system") }
            },
            archive("polyglot-entry-not-listed", "are not what should follow") {
                // A second data.pkl that only a reader going from front to back would see.
                var hidden = ZipWriter([.init("model/data.pkl", Array("x".utf8))])
                hidden.isTorchLike = false
                $0.entries[3].gap = Array(hidden.bytes().prefix(45))
            },
            HostileCheckpoint("polyglot-archive-as-safetensors.safetensors", "is compressed", {
                // As a safetensors file its header length is the archive's signature.
                var bytes = sound
                bytes[8] = UInt8(ascii: "{")
                for offset in bytes.indices.dropLast(4) where bytes[offset...].starts(with: [0x50, 0x4B, 1, 2]) {
                    bytes[offset + 10] = UInt8(ascii: "{")
                    break
                }
                return bytes
            }()),
        ]
    }
}
