import Checkpoints
import Foundation
import TestSupport
import Testing

/// What training programs keep beside the weights is passed over, whatever names it has; among the weights nothing is.
@Suite("Archives of training")
struct LightningArchiveTests {
    /// An archive with a state dictionary among entries of a program's own.
    private func archive(_ weights: (inout PickleAssembler) -> Void) -> CheckpointBytes {
        let pickle = PickleAssembler.assemble { pickle in
            pickle.raw("}(")
            // A callback's state by its class.
            pickle.text("callbacks")
            pickle.raw("}")
            pickle.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
            pickle.raw("}s")
            // An object with a state, one with elements, and one with items.
            pickle.text("hyper_parameters")
            pickle.global("omegaconf.dictconfig", "DictConfig")
            pickle.raw(")")
            pickle.raw([0x81])
            pickle.raw("}")
            pickle.text("content")
            pickle.raw("](")
            pickle.global("os", "system")
            pickle.text("touch \(HostileCheckpoints.canary)")
            pickle.raw([0x85])
            pickle.raw("Resb")
            pickle.text("history")
            pickle.global("collections", "deque")
            pickle.raw(")R(")
            pickle.integer(1)
            pickle.integer(2)
            pickle.raw("e")
            pickle.text("counts")
            pickle.global("collections", "Counter")
            pickle.raw("}")
            pickle.raw([0x85])
            pickle.raw("R(")
            pickle.text("a")
            pickle.integer(1)
            pickle.raw("u")
            // Moments of an optimiser, which are tensors.
            pickle.text("optimizer_states")
            pickle.stateDictionary([("exp_avg", PickledView())])
            pickle.text("state_dict")
            weights(&pickle)
            pickle.raw("u")
        }
        return CheckpointBytes(TorchArchiveWriter.archive(pickle).bytes())
    }

    @Test("what is unknown beside the weights does nothing and harms nothing")
    func inert() throws {
        let dictionary = try StateDict(archive { $0.stateDictionary([("a", PickledView())]) })
        #expect(dictionary.names == ["a"])
        #expect(!FileManager.default.fileExists(atPath: HostileCheckpoints.canary))
    }

    @Test("what is unknown among the weights, or instead of them, is refused by its name")
    func refused() throws {
        let among: (inout PickleAssembler) -> Void = { pickle in
            pickle.raw("}")
            pickle.text("a")
            pickle.global("os", "system")
            pickle.raw("s")
        }
        let instead: (inout PickleAssembler) -> Void = { pickle in
            pickle.global("collections", "defaultdict")
            pickle.raw(")R")
        }
        for (weights, name) in [(among, "os.system"), (instead, "collections.defaultdict")] {
            let error = try #require(throws: CheckpointError.self) { try StateDict(archive(weights)) }
            #expect(error.description.contains(name), "\(error)")
        }
    }

    @Test(
        "recorded archives of training programs are read",
        .enabled(if: ParityFolder.latent.has("sd1.ckpt") && ParityFolder.autoDIR.has("autodir_small.ckpt")))
    func recorded() throws {
        let latent = try StateDict(contentsOf: ParityFolder.latent.path("sd1.ckpt"))
        #expect(latent.names.contains("model.diffusion_model.input_blocks.0.0.weight"))
        let whole = try StateDict(contentsOf: ParityFolder.autoDIR.path("autodir_small.ckpt"))
        #expect(whole.names.contains("model_assessment.clipmodel.logit_scale"))
        // Three forms of numbers in one file.
        let types = Set(latent.names.compactMap { latent[$0]?.scalarType })
        #expect(types.count >= 2)
    }
}

/// Moving averages in the place of what they are of.
@Suite("Moving averages")
struct MovingAverageTests {
    private func dictionary(_ tensors: [String: [Float]]) -> StateDict {
        StateDict(tensors.mapValues { StoredTensor($0, shape: [$0.count]) })
    }

    @Test("averages take the place of the parameters below model., and are nowhere else")
    func takes() throws {
        let found = try dictionary([
            "model.net.0.weight": [1], "model_ema.net0weight": [2], "model_ema.decay": [0.9], "first.x": [3],
        ]).takingMovingAverages()
        #expect(found.names == ["first.x", "model.net.0.weight"])
        #expect(found["model.net.0.weight"]?.floats() == [2] && found["first.x"]?.floats() == [3])
    }

    @Test("one that is missing or of another shape is named")
    func faults() throws {
        let error = try #require(throws: CheckpointError.self) {
            try dictionary(["model.a.b": [1], "model.c.d": [1], "model_ema.cd": [1, 2]]).takingMovingAverages()
        }
        guard case .mismatch(let mismatch) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(mismatch.missing == ["model_ema.ab"] && mismatch.misshaped.map(\.name) == ["model_ema.cd"])
    }

    @Test("names are the official ones", .enabled(if: ParityFolder.latent.has("ema_names.json")))
    func names() throws {
        let names = try JSONDecoder().decode(
            [String: String].self, from: Data(contentsOf: ParityFolder.latent.url("ema_names.json")))
        #expect(!names.isEmpty)
        for (name, average) in names { #expect(StateDict.nameOfAverage(of: name) == average) }
    }
}
