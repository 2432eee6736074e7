import Checkpoints
import Dispatch
import Testing

/// A network gets what it asks for, and nothing wrong goes unnoticed.
@Suite("Parameter reader")
struct ParameterReaderTests {
    private let dictionary = StateDict([
        "net.conv.weight": StoredTensor([1, 2, 3, 4], shape: [2, 2]), "net.conv.bias": StoredTensor([5, 6], shape: [2]),
        "other.scale": StoredTensor([7], shape: []),
    ])

    @Test("a fully used dictionary closes without an error, scopes and all")
    func allUsed() throws {
        let reader = ParameterReader(dictionary)
        let conv = reader.scope("net").scope("conv")
        #expect(try conv.take("weight", [2, 2]) == [1, 2, 3, 4])
        #expect(try conv.takeIfPresent("bias", [2]) == [5, 6])
        #expect(try conv.takeIfPresent("gain", [2]) == nil)
        #expect(try reader.take("other.scale", []) == [7])
        try reader.finish()
    }

    @Test("missing, surplus and mis-shaped parameters are named in one error, and zeros stand in")
    func mismatch() throws {
        let reader = ParameterReader(dictionary, prefix: "net.")
        #expect(try reader.take("conv.weight", [4]) == [0, 0, 0, 0])
        #expect(try reader.take("conv.gain", [3]) == [0, 0, 0])
        let error = try #require(throws: CheckpointError.self) { try reader.finish() }
        #expect(error == .mismatch(.init(
            missing: ["net.conv.gain"], surplus: ["net.conv.bias"],
            misshaped: [.init(name: "net.conv.weight", expected: [4], found: [2, 2])])))
        #expect(error.description == "the tensors don't fit the network: 1 missing: \"net.conv.gain\"; "
            + "1 surplus: \"net.conv.bias\"; 1 mis-shaped: \"net.conv.weight\" (expected [4], found [2, 2])")
    }

    @Test("what is ignored is no surplus")
    func ignored() throws {
        let reader = ParameterReader(dictionary)
        _ = try reader.scope("other").take("scale", [])
        #expect(throws: CheckpointError.self) { try reader.finish() }
        reader.scope("net").ignore(prefix: "conv.")
        try reader.finish()
    }

    @Test("parts come in their order, whoever builds them, and the first error of theirs is thrown")
    func parts() throws {
        let loops: [ParameterReader.ParallelLoop?] = [
            nil, { count, body in DispatchQueue.concurrentPerform(iterations: count) { body($0) } },
        ]
        for loop in loops {
            let reader = ParameterReader(dictionary, sharedBy: loop)
            let conv = reader.scope("net").scope("conv")
            let (weight, bias) = try conv.both(
                { () throws(CheckpointError) in try conv.take("weight", [2, 2]) },
                { () throws(CheckpointError) in try conv.take("bias", [2]) })
            #expect(weight == [1, 2, 3, 4] && bias == [5, 6])
            let numbers = try reader.map(100) { index throws(CheckpointError) in
                try conv.map(3) { inner throws(CheckpointError) in 10 * index + inner }
            }
            #expect(numbers == (0..<100).map { index in (0..<3).map { 10 * index + $0 } })
            #expect(throws: CheckpointError.unrecognised("4")) {
                try reader.map(9) { index throws(CheckpointError) in
                    if index >= 4 { throw CheckpointError.unrecognised("\(index)") }
                }
            }
            _ = try reader.take("other.scale", [])
            try reader.finish()
        }
    }

    @Test("at most eight names of a kind are spelled out")
    func manyNames() throws {
        let reader = ParameterReader(StateDict([:]))
        for index in 0..<8 { _ = try reader.take("p\(index)", [1]) }
        let eight = try #require(throws: CheckpointError.self) { try reader.finish() }
        #expect(eight.description.hasPrefix("the tensors don't fit the network: 8 missing: \"p0\", "))
        #expect(!eight.description.contains("more"))
        _ = try reader.take("p8", [1])
        let nine = try #require(throws: CheckpointError.self) { try reader.finish() }
        #expect(nine.description.contains("9 missing") && nine.description.hasSuffix(" and 1 more"))
        #expect(!nine.description.contains("p8"))
    }

    @Test("zeros stand in up to a limit: a file of quite another size is refused at once, with what was found so far")
    func standIns() throws {
        let reader = ParameterReader(dictionary)
        _ = try reader.take("net.conv.weight", [ParameterReader.standInLimit])
        let expected = CheckpointError.mismatch(.init(
            missing: ["net.more"], surplus: [],
            misshaped: [.init(name: "net.conv.weight", expected: [ParameterReader.standInLimit], found: [2, 2])]))
        #expect(throws: expected) { try reader.take("net.more", [1]) }
        #expect(throws: CheckpointError.self) { try ParameterReader(dictionary).take("net.conv.weight", [.max, .max]) }
        #expect(throws: CheckpointError.self) { try ParameterReader(dictionary).takeIfPresent("net.conv.bias", [1 << 40]) }
    }
}
