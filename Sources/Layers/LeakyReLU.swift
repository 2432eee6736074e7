package import Compute

/// Replaces each number of a tensor below 0 by so much of it (Maas et al., 2013).
package func leak(_ tensor: Tensor, slope: Float, in workspace: Workspace) {
    let chunk = 1 << 15
    let count = tensor.count
    workspace.team.run((count + chunk - 1) / chunk) { item, _ in
        for index in item * chunk..<min(count, (item + 1) * chunk) where tensor.base[index] < 0 {
            tensor.base[index] *= slope
        }
    }
}
