import Checkpoints
import TestSupport
import Testing

/// The checkpoints of the parity folder, whatever there are of them.
@Suite("Checkpoint Parity", .enabled(if: ParityFolder.current.has("tolerances.json"), "the parity folder is missing"))
struct CheckpointParityTests {
    static let folder = ParityFolder.current
    static let archives = folder.files(withExtension: "pth")
    static let safetensors = folder.files(withExtension: "safetensors")
    static let pairs = archives.map { String($0.dropLast(".pth".count)) }
        .filter { safetensors.contains($0 + ".safetensors") }

    @Test("every checkpoint loads, and all its numbers are finite", arguments: archives + safetensors)
    func loads(file: String) throws {
        let dictionary = try StateDict(contentsOf: Self.folder.path(file))
        #expect(!dictionary.names.isEmpty)
        for name in dictionary.names {
            let tensor = try #require(dictionary[name])
            let numbers = tensor.floats()
            #expect(numbers.count == tensor.shape.reduce(1, *))
            // The sum of magnitudes is finite only if every number is.
            #expect(numbers.reduce(0) { $0 + abs($1) }.isFinite, "\(name)")
        }
    }

    @Test("an archive and its safetensors copy agree, tensor by tensor", arguments: pairs)
    func agree(base: String) throws {
        let archive = try StateDict(contentsOf: Self.folder.path(base + ".pth"))
        let copy = try StateDict(contentsOf: Self.folder.path(base + ".safetensors"))
        #expect(archive.names == copy.names)
        for name in archive.names {
            let tensor = try #require(archive[name]), other = try #require(copy[name])
            #expect(tensor.scalarType == other.scalarType, "\(name)")
            #expect(tensor.shape == other.shape, "\(name)")
            let isSame = tensor.withBytes { bytes in other.withBytes { bytes.elementsEqual($0) } }
            #expect(isSame, "\(name)")
        }
    }

    @Test("the image encoder's two names share their storage", .enabled(if: folder.has("daclip_small.pth")))
    func aliases() throws {
        let dictionary = try StateDict(contentsOf: Self.folder.path("daclip_small.pth"))
        let aliased = dictionary.names.filter { $0.hasPrefix("visual.") }
        #expect(!aliased.isEmpty)
        for name in aliased {
            let tensor = try #require(dictionary[name]), other = try #require(dictionary["clip." + name])
            #expect(tensor.sharesStorage(with: other), "\(name)")
        }
    }
}
