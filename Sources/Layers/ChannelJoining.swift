package import Compute

/// The channels of several maps of one size side by side.
package func joined(_ sources: [Tensor], in workspace: Workspace) -> Tensor {
    let channels = sources.reduce(0) { $0 + $1.channels }
    let first = sources[0]
    let result = workspace.tensor(
        batch: first.batch, height: first.height, width: first.width, channels: channels)
    workspace.team.run(first.batch * first.height) { item, _ in
        var offset = 0
        for source in sources {
            let row = source.base + item * source.width * source.channels
            let target = result.base + item * result.width * channels + offset
            for column in 0..<source.width {
                (target + column * channels).update(from: row + column * source.channels, count: source.channels)
            }
            offset += source.channels
        }
    }
    return result
}
