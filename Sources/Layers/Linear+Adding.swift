package import Compute

extension Linear {
    /// Adds the layer's result to a tensor, in its place.
    ///
    /// - Parameters:
    ///   - input: pixels of which the layer takes `inputs` channels.
    ///   - offset: of the first of those channels.
    ///   - sample: the only one that is worked on; nil for all.
    package func add(
        _ input: Tensor, offset: Int = 0, to state: Tensor, sample: Int? = nil, in workspace: Workspace
    ) {
        precondition(offset + inputs <= input.channels && outputs == state.channels)
        let samples = sample.map { $0..<$0 + 1 } ?? 0..<state.batch
        let chunk = 128
        let chunks = (state.pixels + chunk - 1) / chunk
        let scratch = panels.form == .single ? nil : workspace.scratch(floats: chunk * panels.rows)
        let work = OperationMeter.Layer(
            "linear \(inputs) to \(outputs)", of: state, multiplyAdds: samples.count * state.pixels * inputs * outputs)
        workspace.metered(work) {
            workspace.team.run(samples.count * chunks) { item, thread in
                let (index, place) = item.quotientAndRemainder(dividingBy: chunks)
                let first = place * chunk
                let target = state.sample(samples.lowerBound + index) + first * outputs
                var rows = Rows(
                    input: input.sample(samples.lowerBound + index) + first * input.channels + offset,
                    inputStride: input.channels, output: target, outputStride: outputs, residual: UnsafePointer(target),
                    residualStride: outputs)
                let count = min(chunk, state.pixels - first)
                if let scratch {
                    rows = narrowed(rows, count: count, into: scratch[thread], kernels: workspace.kernels)
                }
                apply(panelRange: 0..<panels.count, to: rows, count: count, activation: .none, kernels: workspace.kernels)
            }
        }
    }
}
