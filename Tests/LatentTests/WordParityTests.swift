import CLIP
import Checkpoints
import Compute
import Foundation
import Images
import Pseudowords
import TestSupport
import Testing

/// From a picture to a context of words, as recorded.
@Suite("Pseudo-words parity", .enabled(if: TextualFixtures.isThere))
struct WordParityTests {
    private static let file = "words"

    private static func recorded() throws -> StateDict { try TextualFixtures.recorded("words.safetensors") }

    private func check(_ values: [Float], _ name: String, _ recorded: StateDict, _ note: String = "") throws {
        try TextualFixtures.check(values, name, in: Self.file, recorded, note)
    }

    private static func inputs(_ pictures: [Picture], side: Int, in workspace: Workspace) throws -> Tensor {
        let preprocessing = Preprocessing(side: side)
        return preprocessing.normalised(try pictures.map { try preprocessing.square(of: $0, in: workspace) }, in: workspace)
    }

    @Test("a picture's centre square is resized to the recorded bytes")
    func crops() throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2)
        let pictures = try TextualFixtures.pictures()
        #expect(pictures[0].pixels == recorded["picture"]?.withBytes { [UInt8]($0) })
        let side = try TextualFixtures.visionSizes().imageSize
        let preprocessing = Preprocessing(side: side)
        let crop = try preprocessing.square(of: pictures[0], in: workspace)
        let expected = try #require(recorded["crop224_u8"]).withBytes { [UInt8]($0) }
        #expect(!expected.isEmpty && expected.elementsEqual(crop.prefix(expected.count)))
        let other = try ImageDecoder.decode([UInt8](Data(contentsOf: TextualFixtures.folder.url("picture2_crop224.png"))))
        #expect(try preprocessing.square(of: pictures[1], in: workspace) == other.pixels)
        let inputs = try Self.inputs(pictures, side: side, in: workspace)
        let corner = try #require(recorded["clip_input_corner"]).shape[3]
        let corners = (0..<pictures.count).flatMap { picture in
            (0..<3 * corner * corner).map { index in
                let (channel, pixel) = index.quotientAndRemainder(dividingBy: corner * corner)
                return inputs.sample(picture)[(pixel / corner * side + pixel % corner) * 3 + channel]
            }
        }
        try check(corners, "clip_input_corner", recorded)
    }

    @Test("all tokens of the tower's last block", arguments: Workspace.kernelSetNames)
    func vision(kernels: String) throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2, kernels: kernels)
        let trunk = try TextualFixtures.vision()
        let inputs = try Self.inputs(TextualFixtures.pictures(), side: trunk.configuration.imageSize, in: workspace)
        let names = ["after_ln_pre": "vision.embedded", "resblock0": "vision.block0"]
        var failure: (any Error)?
        let tokens = trunk(
            inputs,
            observe: { stage, tensor in
                guard let name = names[stage] else { return }
                do { try check(tensor.values, name, recorded) } catch { failure = error }
            }, in: workspace)
        if let failure { throw failure }
        try check(tokens.values, "vision.tokens", recorded)
    }

    @Test("words of recorded tokens, and cleaned ones of recorded words", arguments: Workspace.kernelSetNames)
    func words(kernels: String) throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2, kernels: kernels)
        let shape = try #require(recorded["vision.tokens"]).shape
        let tokens = Tensor(
            try #require(recorded["vision.tokens"]).floats(), batch: shape[0], width: shape[1], channels: shape[2],
            pool: workspace.pool)
        let mapper = try TextualFixtures.mapper(), cleaner = try TextualFixtures.cleaner()
        let sizes = try TextualFixtures.section("mapper")
        let (count, hidden) = (try sizes.size("words", 1...99), try sizes.size("hidden", 1...9_999))
        for own in [mapper.sizes, cleaner.sizes] { #expect(own.words == count && own.hidden == hidden) }
        try check(mapper(tokens, in: workspace).flatMap(\.self), "words", recorded)
        try check(cleaner(recorded.rows("words"), in: workspace).flatMap(\.self), "words_clean", recorded)
    }

    @Test("contexts of recorded words, wherever the hole is", arguments: Workspace.kernelSetNames)
    func contexts(kernels: String) throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2, kernels: kernels)
        let tower = try TextualFixtures.text()
        let ids = try recorded.sequences("input_ids")
        let clean = try recorded.rows("words_clean")
        func context(_ ids: [Int32], _ place: Float, _ words: [Float]) throws -> (injected: [Float], states: [Float]) {
            let prompt = WordPrompt(ids: ids, position: Int(place))
            let injected = try prompt.injecting(words, into: tower.embeddings(of: ids))
            return (injected, tower.states(embedded: [injected], in: workspace).values)
        }
        for suffix in ["", "_late"] {
            let places = try #require(recorded["index\(suffix)"]).floats()
            let made = try places.indices.map { try context(ids[$0], places[$0], clean[$0]) }
            try check(made.flatMap(\.injected), "text_in\(suffix)", recorded)
            try check(made.flatMap(\.states), "context\(suffix)", recorded)
        }
        let place = try #require(recorded["index"]).floats()[0]
        let raw = try context(ids[0], place, recorded.rows("words")[0]).states
        try check(raw, "context_raw_words", recorded)
        let width = tower.configuration.width
        let one = try context(ids[0], place, Array(clean[0][2 * width..<3 * width])).states
        try check(one, "context_one_word", recorded)
        try check(tower.states(recorded.sequences("uncond_ids"), in: workspace).values, "uncond", recorded)
    }

    @Test("the whole way from pictures, whatever shares the evaluation")
    func whole() throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2)
        let ids = try recorded.sequences("input_ids"), place = try #require(recorded["index"]).floats()
        let reader = try WordReader(
            vision: TextualFixtures.vision(), mapper: TextualFixtures.mapper(), cleaner: TextualFixtures.cleaner(),
            text: TextualFixtures.text(), prompt: WordPrompt(ids: ids[0], position: Int(place[0])),
            empty: recorded.sequences("uncond_ids")[0])
        let pictures = try TextualFixtures.pictures()
        func words(_ pictures: [Picture], _ workspace: Workspace) throws -> [[Float]] {
            let inputs = try Self.inputs(pictures, side: reader.preprocessing.side, in: workspace)
            return reader.words(of: reader.vision(inputs, in: workspace), in: workspace)
        }
        let together = try words(pictures, workspace)
        #expect(try words([pictures[1]], Workspace(threads: 1)) == [together[1]])
        let context = try reader.context(of: together[0], in: workspace)
        try check(context, "context", StateDict(["context": StoredTensor(
            recorded.rows("context")[0], shape: [context.count])]))
        try check(reader.emptyContext(in: workspace), "uncond", recorded)
        let dirty = try WordReader(
            vision: reader.vision, mapper: reader.mapper, cleaner: nil, text: reader.text, prompt: reader.prompt,
            empty: reader.empty)
        let inputs = try Self.inputs([pictures[0]], side: reader.preprocessing.side, in: workspace)
        let raw = dirty.words(of: dirty.vision(inputs, in: workspace), in: workspace)[0]
        try check(dirty.context(of: raw, in: workspace), "context_raw_words", recorded)
    }
}

/// Files of the words' networks, in whatever layout.
@Suite("Pseudo-words: files", .enabled(if: TextualFixtures.isThere))
struct WordFileTests {
    /// The tower's names in Hugging Face's layout, its fused projections apart.
    private static func huggingFace(_ tensors: StateDict, blocks: String, width: Int, names: [String: String]) -> StateDict {
        var made: [String: StoredTensor] = [:]
        let parts = [
            "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1",
            "mlp.c_proj": "mlp.fc2",
        ]
        for name in tensors.names {
            guard let tensor = tensors[name] else { continue }
            if let new = names[name] { made[new] = tensor }
            guard let range = name.firstRange(of: "transformer.resblocks.") else { continue }
            let rest = name[range.upperBound...].split(separator: ".", maxSplits: 1)
            let place = "\(blocks).\(rest[0])."
            if rest[1].hasPrefix("attn.in_proj_") {
                let (kind, count) = (rest[1].dropFirst("attn.in_proj_".count), tensor.elementCount / 3)
                for (index, part) in ["q_proj", "k_proj", "v_proj"].enumerated() {
                    made["\(place)self_attn.\(part).\(kind)"] = StoredTensor(
                        Array(tensor.floats()[index * count..<(index + 1) * count]), shape: [width] + tensor.shape.dropFirst())
                }
            } else if let part = parts.first(where: { rest[1].hasPrefix($0.key) }) {
                made[place + part.value + rest[1].dropFirst(part.key.count)] = tensor
            }
        }
        return StateDict(made)
    }

    @Test("towers in Hugging Face's layout make the same numbers, bit for bit")
    func layouts() throws {
        let workspace = Workspace(threads: 2)
        let recorded = try TextualFixtures.recorded("words.safetensors")
        let single = try TextualFixtures.recorded("vision.safetensors")
        let width = try TextualFixtures.visionSizes().width
        let vision = Self.huggingFace(
            single, blocks: "vision_model.encoder.layers", width: width,
            names: [
                "visual.class_embedding": "vision_model.embeddings.class_embedding",
                "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
                "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
                "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
                "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
                "visual.ln_post.weight": "vision_model.post_layernorm.weight",
            ])
        let preprocessing = Preprocessing(side: try TextualFixtures.visionSizes().imageSize)
        let crop = try preprocessing.square(of: TextualFixtures.pictures()[0], in: workspace)
        let input = preprocessing.normalised([crop], in: workspace)
        let first = try TextualFixtures.vision()(input, in: workspace).values
        #expect(try TextualFixtures.vision(vision, layout: .huggingFace)(input, in: workspace).values == first)

        let text = Self.huggingFace(
            try TextualFixtures.diffusion("cond_stage_model.model."), blocks: "text_model.encoder.layers",
            width: try TextualFixtures.textSizes().width,
            names: [
                "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
                "positional_embedding": "text_model.embeddings.position_embedding.weight",
                "ln_final.weight": "text_model.final_layer_norm.weight", "ln_final.bias": "text_model.final_layer_norm.bias",
            ])
        let ids = try recorded.sequences("input_ids")
        let states = try TextualFixtures.text().states(ids, in: workspace).values
        #expect(try TextualFixtures.text(text, layout: .huggingFace).states(ids, in: workspace).values == states)
    }

    private func problem(_ tensors: StateDict) -> ParameterMismatch? {
        do throws(CheckpointError) {
            _ = try WordCleaner(ParameterReader(tensors))
        } catch .mismatch(let mismatch) {
            return mismatch
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test("what a file lacks, has too much of or in another shape is told by name; safetensors do as well")
    func strictness() throws {
        let tensors = try TextualFixtures.recorded("clean_mapper.pt")
        let all = Dictionary(uniqueKeysWithValues: tensors.names.compactMap { name in tensors[name].map { (name, $0) } })
        let again = try StateDict(CheckpointBytes(SafetensorsWriter.bytes(of: all)))
        let cleaner = try WordCleaner(ParameterReader(again)), workspace = Workspace(threads: 1)
        let words = try TextualFixtures.recorded("words.safetensors").rows("words")
        #expect(cleaner(words, in: workspace) == (try TextualFixtures.cleaner())(words, in: workspace))
        var changed = all
        changed["mapping_0.4.bias"] = nil
        #expect(problem(StateDict(changed))?.missing == ["mapping_0.4.bias"])
        changed = all
        changed["mapping_1.0.weight"] = StoredTensor([1, 2], shape: [1, 2])
        #expect(problem(StateDict(changed))?.misshaped.map(\.name) == ["mapping_1.0.weight"])
        changed = all
        changed["mapping_patch_0.0.weight"] = all["mapping_0.0.weight"]
        #expect(problem(StateDict(changed))?.surplus == ["mapping_patch_0.0.weight"])
        changed = all
        changed["mapping_0.0.weight"] = nil
        #expect(problem(StateDict(changed))?.missing == ["mapping_0.0.weight"])
        changed["mapping_0.0.weight"] = StoredTensor([1, 2], shape: [2])
        #expect(throws: CheckpointError.self) { try WordCleaner(ParameterReader(StateDict(changed))) }
    }

    @Test("words end at the last token or are refused; networks that don't go together are too")
    func limits() throws {
        let prompt = WordPrompt(ids: [Int32](repeating: 1, count: 7), position: 4)
        let embeddings = (0..<14).map(Float.init)
        #expect(try prompt.injecting([-1, -2], into: embeddings) == [0, 1, 2, 3, 4, 5, 6, 7, -1, -2, 10, 11, 12, 13])
        #expect(try prompt.injecting([-1, -2, -3, -4, -5, -6], into: embeddings) == [0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -4, -5, -6])
        #expect(throws: PseudowordError.tooLong(words: 4, position: 4, length: 7)) {
            try prompt.injecting([Float](repeating: 0, count: 8), into: embeddings)
        }
        #expect(throws: PseudowordError.tooLong(words: 0, position: 4, length: 7)) { try prompt.injecting([], into: embeddings) }
        let length = try TextualFixtures.textSizes().contextLength
        func reader(_ position: Int, cleaner: WordCleaner?) throws -> WordReader {
            try WordReader(
                vision: TextualFixtures.vision(), mapper: TextualFixtures.mapper(), cleaner: cleaner,
                text: TextualFixtures.text(), prompt: .init(ids: [Int32](repeating: 0, count: length), position: position),
                empty: [Int32](repeating: 0, count: length))
        }
        let cleaner = try TextualFixtures.cleaner()
        let last = length - cleaner.sizes.words
        _ = try reader(last, cleaner: cleaner)
        #expect(throws: PseudowordError.tooLong(words: cleaner.sizes.words, position: last + 1, length: length)) {
            try reader(last + 1, cleaner: cleaner)
        }
        let few = try TextualFixtures.recorded("clean_mapper.pt").choosing { name, tensor in
            name.hasPrefix("mapping_0.") ? (name, tensor) : nil
        }
        #expect(throws: PseudowordError.fit(what: "words", expected: 1, found: cleaner.sizes.words)) {
            try reader(1, cleaner: WordCleaner(ParameterReader(few)))
        }
    }

    @Test(
        "prompts have the recorded tokens; the placeholder is found by its own, or by counting words as officially",
        .enabled(if: TextualFixtures.folder.has("tokens.json") && AutoDIRFixtures.isThere))
    func prompts() throws {
        struct Row: Decodable {
            let prompt: String
            let ids: [Int32]
            let length: Int
            let index: Int
            let id_at_index: Int32
        }
        let file = try Data(contentsOf: TextualFixtures.folder.url("tokens.json"))
        let tokenizer = try AutoDIRFixtures.tokenizer()
        for row in try JSONDecoder().decode([Row].self, from: file) {
            let ids = tokenizer.tokens(for: row.prompt, contextLength: row.length)
            #expect(ids == row.ids + [Int32](repeating: 0, count: row.length - row.ids.count), "\(row.prompt)")
            let official = WordPrompt.officialPosition(template: row.prompt)
            #expect(official == row.index && ids[official] == row.id_at_index, "\(row.prompt)")
            guard row.prompt.contains("S") else { continue }
            let prompt = try WordPrompt(template: row.prompt, tokenizer: tokenizer, contextLength: row.length)
            #expect(prompt.ids == ids && ids[prompt.position] == tokenizer.encode("S")[1])
            if official > 0 { #expect(prompt.position == official) }
        }
        let braces = try WordPrompt(template: "an unphotographable {} by night", tokenizer: tokenizer, contextLength: 77)
        let written = try WordPrompt(template: "an unphotographable S by night", tokenizer: tokenizer, contextLength: 77)
        #expect(braces == written && WordPrompt.officialPosition(template: "an unphotographable {}") == 3)
        #expect(written.position > 3)
        #expect(throws: PseudowordError.noPlace(template: "a photo")) {
            try WordPrompt(template: "a photo", tokenizer: tokenizer, contextLength: 77)
        }
        #expect(throws: PseudowordError.placeholder("two words")) {
            try WordPrompt(template: "a {}", placeholder: "two words", tokenizer: tokenizer, contextLength: 77)
        }
    }
}
