import Compute

/// Between samples and tensors: padding on the way in, cropping on the way out.
extension ConditionalUNet {
    /// (x - mu, mu) of each sample, reflected to the right and downwards up to a multiple of the alignment.
    func padded(_ samples: [Sample], height: Int, width: Int, in workspace: Workspace) -> Tensor {
        let alignment = configuration.alignment
        let channels = ConditionalUNetConfiguration.pictureChannels
        let result = workspace.tensor(
            batch: samples.count, height: (height + alignment - 1) / alignment * alignment,
            width: (width + alignment - 1) / alignment * alignment, channels: 2 * channels)
        workspace.team.run(samples.count * result.height) { item, _ in
            let (index, row) = item.quotientAndRemainder(dividingBy: result.height)
            let sample = samples[index]
            let line = reflected(row, height) * width
            sample.state.withUnsafeBufferPointer { state in
                sample.condition.withUnsafeBufferPointer { condition in
                    var target = result.sample(index) + row * result.width * 2 * channels
                    for column in 0..<result.width {
                        let source = (line + reflected(column, width)) * channels
                        for channel in 0..<channels {
                            target[channel] = state[source + channel] - condition[source + channel]
                            target[channels + channel] = condition[source + channel]
                        }
                        target += 2 * channels
                    }
                }
            }
        }
        return result
    }

    /// Where position `index` is found when the picture is mirrored at its edges, again and again where it is small.
    private func reflected(_ index: Int, _ size: Int) -> Int {
        if index < size { return index }
        if size == 1 { return 0 }
        let phase = index % (2 * (size - 1))
        return phase < size ? phase : 2 * (size - 1) - phase
    }

    /// What is left without the padding.
    func cropped(_ result: Tensor, height: Int, width: Int, in workspace: Workspace) -> Tensor {
        guard result.height != height || result.width != width else { return result }
        let line = width * result.channels
        let cropped = workspace.tensor(batch: result.batch, height: height, width: width, channels: result.channels)
        for index in 0..<result.batch {
            for row in 0..<height {
                (cropped.sample(index) + row * line).update(
                    from: result.sample(index) + row * result.width * result.channels, count: line)
            }
        }
        return cropped
    }

    /// Embeddings as tokens of one row; nil where a sample has none.
    func tokens(_ vectors: [[Float]?], in workspace: Workspace) -> Tensor? {
        guard let contextWidth = configuration.contextWidth else { return nil }
        var values: [Float] = []
        for case let vector? in vectors { values += vector }
        guard values.count == vectors.count * contextWidth else { return nil }
        return Tensor(values, width: vectors.count, channels: contextWidth, pool: workspace.pool)
    }
}
