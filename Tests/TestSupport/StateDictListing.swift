package import Checkpoints
import Foundation

/// The names and shapes of published checkpoints, as the parity folder's `STATE_DICTS.md` lists them.
package struct StateDictListing {
    package let entries: [(name: String, shape: [Int])]

    /// - Parameter model: what follows `## Keys: `.
    /// - Returns: nil where the folder has no such list.
    package init?(_ model: String) {
        guard let text = try? String(contentsOf: ParityFolder.current.url("STATE_DICTS.md"), encoding: .utf8) else {
            return nil
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let title = lines.firstIndex(of: "## Keys: \(model)") else { return nil }
        let listed = lines[title...].drop { $0 != "```" }.dropFirst().prefix { $0 != "```" }
        entries = listed.compactMap { line in
            guard let space = line.firstIndex(of: " ") else { return nil }
            let shape = line[space...].filter { $0.isNumber || $0 == "," }.split(separator: ",").compactMap { Int($0) }
            return (String(line[..<space]), shape)
        }
        guard !entries.isEmpty else { return nil }
    }

    /// Random float16 tensors of these names and shapes, sized so that activations stay in range: what normalises is
    /// near one, what adds is small, what multiplies keeps the variance. `visual.*` shares the storage of
    /// `clip.visual.*`.
    package func randomTensors(seed: UInt64) -> [(name: String, tensor: StoredTensor)] {
        var random = SeededGenerator(seed: seed)
        var originals: [String: StoredTensor] = [:]
        return entries.map { name, shape in
            if name.hasPrefix("visual."), let original = originals["clip." + name] { return (name, original) }
            let tensor = Self.randomTensor(name, shape, &random)
            originals[name] = tensor
            return (name, tensor)
        }
    }

    /// One of them.
    package static func randomTensor(_ name: String, _ shape: [Int], _ random: inout SeededGenerator) -> StoredTensor {
        let count = shape.reduce(1, *)
        let inputs = shape.dropFirst().reduce(1, *)
        let isGain = shape.count == 1 && name.hasSuffix("weight") || name.hasSuffix(".g")
        let isScale = name.hasSuffix("logit_scale")
        let (centre, spread): (Float, Float) =
            isScale ? (4.6052, 0) : isGain ? (1, 0.1) : shape.count < 2 ? (0, 0.1) : (0, (3 / Float(inputs)).squareRoot())
        let bytes = [UInt8](unsafeUninitializedCapacity: 2 * count) { buffer, filled in
            for index in 0..<count {
                let uniform = Float(random.next() >> 40) / Float(1 << 23) - 1
                let bits = Float16(centre + spread * uniform).bitPattern
                buffer[2 * index] = UInt8(truncatingIfNeeded: bits)
                buffer[2 * index + 1] = UInt8(bits >> 8)
            }
            filled = 2 * count
        }
        return StoredTensor(scalarType: .float16, shape: shape, littleEndian: bytes)
    }
}
