import CKernels
import Compute

/// A convolution's numbers.
struct ConvolutionShape: Sendable {
    let inputChannels: Int
    let outputChannels: Int
    let kernel: Int
    let stride: Int
    let padding: Int

    /// Rows (columns) of output that an input of so many rows (columns) gives.
    func outputExtent(_ input: Int) -> Int { (input + 2 * padding - kernel) / stride + 1 }

    /// Rows (columns) of padded input that so many rows (columns) of output are made from.
    func inputExtent(_ outputs: Int) -> Int { (outputs - 1) * stride + kernel }
}

/// One call of a convolution: what every way to compute it is told.
struct ConvolutionCall {
    let shape: ConvolutionShape
    let bias: [Float]?
    /// Joined along their channels.
    let sources: [Tensor]
    /// 2 where height and width of the sources are doubled first, else 1.
    let zoom: Int
    let epilogue: Convolution.Epilogue
    let output: Tensor

    var meterLayer: OperationMeter.Layer {
        OperationMeter.Layer(
            "convolution \(shape.kernel)x\(shape.kernel) \(shape.inputChannels) to \(shape.outputChannels)", of: output,
            multiplyAdds: output.count * shape.inputChannels * shape.kernel * shape.kernel)
    }

    /// A part of one sample's output.
    struct Area {
        let sample: Int
        let rows: Range<Int>
        let columns: Range<Int>
    }

    /// Copies the padded input of an area: `inputExtent` rows of `inputExtent` pixels, zeros outside the picture, sources
    /// joined and pixels doubled where asked for.
    func gather(_ area: Area, into scratch: UnsafeMutablePointer<Float>) {
        let (inputRows, inputWidth) = (shape.inputExtent(area.rows.count), shape.inputExtent(area.columns.count))
        let channels = shape.inputChannels
        let height = sources[0].height * zoom
        let width = sources[0].width * zoom
        let left = area.columns.lowerBound * shape.stride - shape.padding
        let first = min(max(0, -left), inputWidth)
        let last = min(max(first, width - left), inputWidth)
        for row in 0..<inputRows {
            let y = area.rows.lowerBound * shape.stride - shape.padding + row
            let target = scratch + row * inputWidth * channels
            guard y >= 0, y < height else {
                target.update(repeating: 0, count: inputWidth * channels)
                continue
            }
            target.update(repeating: 0, count: first * channels)
            (target + last * channels).update(repeating: 0, count: (inputWidth - last) * channels)
            var offset = 0
            for source in sources {
                let line = source.sample(area.sample) + (y / zoom) * source.width * source.channels
                copy(
                    line, channels: source.channels, from: left + first, count: last - first,
                    to: target + first * channels + offset)
                offset += source.channels
            }
        }
    }

    private func copy(
        _ line: UnsafeMutablePointer<Float>, channels: Int, from x: Int, count: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        if zoom == 1, channels == shape.inputChannels {
            target.update(from: line + x * channels, count: count * channels)
            return
        }
        for index in 0..<count {
            (target + index * shape.inputChannels).update(from: line + (x + index) / zoom * channels, count: channels)
        }
    }

    /// Calls a function with what follows the sums of one sample's panels, by address.
    func withEpilogue(sample: Int, _ body: (EpilogueAddresses) -> Void) {
        bias.withOptionalPointer { bias in
            epilogue.scale.withOptionalPointer { scale in
                epilogue.shift.withOptionalPointer { shift in
                    let modulation = sample * shape.outputChannels
                    body(EpilogueAddresses(
                        bias: bias, scale: scale.map { $0 + modulation }, shift: shift.map { $0 + modulation },
                        activation: epilogue.activation.kernel,
                        residual: epilogue.residual.map { UnsafePointer($0.sample(sample)) }))
                }
            }
        }
    }
}

/// An epilogue for one sample, valid during one call: all begin at output channel 0, `residual` at pixel 0.
struct EpilogueAddresses {
    let bias: UnsafePointer<Float>?
    let scale: UnsafePointer<Float>?
    let shift: UnsafePointer<Float>?
    let activation: kernel_activation
    let residual: UnsafePointer<Float>?
}
