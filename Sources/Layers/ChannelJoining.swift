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

/// The first channels of a map.
///
/// - Precondition: it has so many.
package func leading(_ channels: Int, of source: Tensor, in workspace: Workspace) -> Tensor {
    precondition(channels <= source.channels)
    let result = workspace.tensor(
        batch: source.batch, height: source.height, width: source.width, channels: channels)
    workspace.team.run(source.batch * source.height) { item, _ in
        let row = source.base + item * source.width * source.channels
        let target = result.base + item * source.width * channels
        for column in 0..<source.width {
            (target + column * channels).update(from: row + column * source.channels, count: channels)
        }
    }
    return result
}
