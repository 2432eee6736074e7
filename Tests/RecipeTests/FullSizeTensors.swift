import Checkpoints
import Foundation
import TestSupport

/// Names and shapes of published networks at their real sizes, written out from the parity folders' STATE_DICTS.md and not told by
/// the networks; and archives of random numbers of them.
struct FullSizeTensors {
    private(set) var entries: [TorchArchiveFile.Entry] = []
    /// Of the U-Net that is being written out.
    private var context = 0
    private var isLinear = false

    /// Numbers of the networks, tables aside.
    var parameterCount: Int {
        entries.reduce(0) { $0 + ($1.type == .float16 && $1.shape != [1_000] ? $1.elementCount : 0) }
    }

    // MARK: Families

    mutating func add(_ name: String, _ shape: [Int], _ type: ScalarType = .float16) {
        entries.append(.init(name, type, shape))
    }

    mutating func norm(_ name: String, _ width: Int) {
        add(name + ".weight", [width])
        add(name + ".bias", [width])
    }

    mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int, hasBias: Bool = true) {
        add(name + ".weight", [outputs, inputs])
        if hasBias { add(name + ".bias", [outputs]) }
    }

    mutating func convolution(_ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, hasBias: Bool = true) {
        add(name + ".weight", [outputs, inputs, kernel, kernel])
        if hasBias { add(name + ".bias", [outputs]) }
    }

    // MARK: The U-Net

    mutating func addUNet(_ prefix: String, inputs: Int, context: Int, isLinear: Bool) {
        linear(prefix + "time_embed.0", 320, 1_280)
        linear(prefix + "time_embed.2", 1_280, 1_280)
        self.context = context
        self.isLinear = isLinear
        convolution(prefix + "input_blocks.0.0", inputs, 320, 3)
        let widths = [320, 640, 1_280, 1_280]
        var (width, skips, number) = (320, [320], 1)
        for (level, outputs) in widths.enumerated() {
            for _ in 0..<2 {
                stage(prefix + "input_blocks.\(number).", width, outputs, level)
                (width, number) = (outputs, number + 1)
                skips.append(width)
            }
            guard level < 3 else { continue }
            convolution(prefix + "input_blocks.\(number).0.op", width, width, 3)
            skips.append(width)
            number += 1
        }
        residual(prefix + "middle_block.0.", width, width)
        transformer(prefix + "middle_block.1.", width)
        residual(prefix + "middle_block.2.", width, width)
        number = 0
        for (level, outputs) in widths.enumerated().reversed() {
            for index in 0..<3 {
                let place = prefix + "output_blocks.\(number)."
                stage(place, width + skips.removeLast(), outputs, level)
                (width, number) = (outputs, number + 1)
                if index == 2, level > 0 { convolution(place + "\(level < 3 ? 2 : 1).conv", width, width, 3) }
            }
        }
        norm(prefix + "out.0", 320)
        convolution(prefix + "out.2", 320, 4, 3)
    }

    private mutating func stage(_ place: String, _ inputs: Int, _ outputs: Int, _ level: Int) {
        residual(place + "0.", inputs, outputs)
        if level < 3 { transformer(place + "1.", outputs) }
    }

    private mutating func residual(_ place: String, _ inputs: Int, _ outputs: Int) {
        norm(place + "in_layers.0", inputs)
        convolution(place + "in_layers.2", inputs, outputs, 3)
        linear(place + "emb_layers.1", 1_280, outputs)
        norm(place + "out_layers.0", outputs)
        convolution(place + "out_layers.3", outputs, outputs, 3)
        if inputs != outputs { convolution(place + "skip_connection", inputs, outputs, 1) }
    }

    private mutating func transformer(_ place: String, _ width: Int) {
        norm(place + "norm", width)
        for name in ["proj_in", "proj_out"] {
            if isLinear { linear(place + name, width, width) } else { convolution(place + name, width, width, 1) }
        }
        let block = place + "transformer_blocks.0."
        for (attention, context) in [("attn1", width), ("attn2", context)] {
            linear(block + attention + ".to_q", width, width, hasBias: false)
            linear(block + attention + ".to_k", context, width, hasBias: false)
            linear(block + attention + ".to_v", context, width, hasBias: false)
            linear(block + attention + ".to_out.0", width, width)
        }
        linear(block + "ff.net.0.proj", width, 8 * width)
        linear(block + "ff.net.2", 4 * width, width)
        for index in 1...3 { norm(block + "norm\(index)", width) }
    }

    // MARK: The autoencoder

    mutating func addAutoencoder(_ prefix: String) {
        let widths = [128, 256, 512, 512]
        let (encoder, decoder) = (prefix + "encoder.", prefix + "decoder.")
        convolution(encoder + "conv_in", 3, 128, 3)
        for (level, width) in widths.enumerated() {
            pictureBlock(encoder + "down.\(level).block.0.", level == 0 ? 128 : widths[level - 1], width)
            pictureBlock(encoder + "down.\(level).block.1.", width, width)
            if level < 3 { convolution(encoder + "down.\(level).downsample.conv", width, width, 3) }
        }
        norm(encoder + "norm_out", 512)
        convolution(encoder + "conv_out", 512, 8, 3)
        convolution(prefix + "quant_conv", 8, 8, 1)
        convolution(prefix + "post_quant_conv", 4, 4, 1)
        convolution(decoder + "conv_in", 4, 512, 3)
        for place in [encoder, decoder] {
            pictureBlock(place + "mid.block_1.", 512, 512)
            norm(place + "mid.attn_1.norm", 512)
            for name in ["q", "k", "v", "proj_out"] { convolution(place + "mid.attn_1." + name, 512, 512, 1) }
            pictureBlock(place + "mid.block_2.", 512, 512)
        }
        for (level, width) in widths.enumerated() {
            for index in 0..<3 {
                pictureBlock(decoder + "up.\(level).block.\(index).", index == 0 ? widths[min(3, level + 1)] : width, width)
            }
            if level > 0 { convolution(decoder + "up.\(level).upsample.conv", width, width, 3) }
        }
        norm(decoder + "norm_out", 128)
        convolution(decoder + "conv_out", 128, 3, 3)
    }

    private mutating func pictureBlock(_ place: String, _ inputs: Int, _ outputs: Int) {
        norm(place + "norm1", inputs)
        convolution(place + "conv1", inputs, outputs, 3)
        norm(place + "norm2", outputs)
        convolution(place + "conv2", outputs, outputs, 3)
        if inputs != outputs { convolution(place + "nin_shortcut", inputs, outputs, 1) }
    }

    // MARK: NAFNet's block

    mutating func addNAFBlock(_ place: String, _ width: Int) {
        norm(place + "norm1", width)
        convolution(place + "conv1", width, 2 * width, 1)
        convolution(place + "conv2", 1, 2 * width, 3)
        convolution(place + "sca.1", width, width, 1)
        convolution(place + "conv3", width, width, 1)
        add(place + "beta", [1, width, 1, 1])
        norm(place + "norm2", width)
        convolution(place + "conv4", width, 2 * width, 1)
        convolution(place + "conv5", width, width, 1)
        add(place + "gamma", [1, width, 1, 1])
    }
}

// MARK: - The file

extension FullSizeTensors {
    /// As many numbers as are drawn; they come again and again, in steps of which no width is a multiple.
    private static let drawn = 65_521

    /// Writes them tensor by tensor, in 16 bits each.
    func write(to path: String) throws {
        var random = SeededGenerator(seed: 1)
        let numbers = (0..<Self.drawn).map { _ in Float(random.next() >> 40) / Float(1 << 23) - 1 }
        try TorchArchiveFile.write(entries, to: path) { entry in
            guard entry.type == .float16 else { return [UInt8](repeating: 0, count: entry.elementCount * entry.type.width) }
            let (centre, spread) = Self.range(of: entry)
            let block = numbers.prefix(entry.elementCount).flatMap { number in
                let bits = Float16(centre + spread * number).bitPattern
                return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * entry.elementCount)
            while bytes.count < 2 * entry.elementCount { bytes += block.prefix(2 * entry.elementCount - bytes.count) }
            return bytes
        }
    }

    /// So that activations stay in range: what normalises is near one, what adds is small, what multiplies keeps the variance.
    private static func range(of entry: TorchArchiveFile.Entry) -> (centre: Float, spread: Float) {
        let inputs = entry.shape.dropFirst().reduce(1, *)
        if entry.name.hasSuffix("logit_scale") { return (4.6052, 0) }
        if entry.shape.count == 1 { return (entry.name.hasSuffix(".weight") ? 1 : 0, 0.1) }
        if entry.name.hasSuffix("beta") || entry.name.hasSuffix("gamma") { return (0, 0.1) }
        return (0, (3 / Float(inputs)).squareRoot())
    }
}
