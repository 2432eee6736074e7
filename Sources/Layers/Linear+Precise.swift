package import Compute
import Glibc

extension Linear {
    /// The layer on a few vectors, with sums and activation in double precision: for what conditions all other layers,
    /// where an error would be everybody's and speed doesn't count.
    ///
    /// - Parameter input: tokens of one row.
    /// - Precondition: the weights are fp32.
    package func precise(_ input: Tensor, activation: Activation = .none, in workspace: Workspace) -> Tensor {
        precondition(input.channels == inputs && panels.form == .single)
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: outputs)
        workspace.metered(.init("precise \(inputs) to \(outputs)", of: output, multiplyAdds: output.count * inputs)) {
            for row in 0..<input.batch * input.pixels {
                let (source, target) = (input.base + row * inputs, output.base + row * outputs)
                for index in 0..<panels.count {
                    let first = index * PackedPanels.width
                    let sums = preciseSums(source, panel: index)
                    for column in 0..<panels.columns(in: index) {
                        let sum = sums[column] + Double(bias?[first + column] ?? 0)
                        target[first + column] = Float(activation.precise(sum))
                    }
                }
            }
        }
        return output
    }

    private func preciseSums(_ source: UnsafePointer<Float>, panel index: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: PackedPanels.width)
        let weights = panels.panel(index)
        sums.withUnsafeMutableBufferPointer { sums in
            for input in 0..<inputs {
                let value = Double(source[input])
                let line = weights + input * PackedPanels.width
                for lane in 0..<PackedPanels.width { sums[lane] += value * Double(line[lane]) }
            }
        }
        return sums
    }
}

extension Activation {
    fileprivate func precise(_ x: Double) -> Double {
        switch self {
        case .none: x
        case .silu: x / (1 + exp(-x))
        case .gelu: 0.5 * x * (1 + erf(x * 0.5.squareRoot()))
        case .quickGELU: x / (1 + exp(-1.702 * x))
        case .relu: x < 0 ? 0 : x
        }
    }
}
