package import Compute

/// What a block needs beside its input.
package struct BlockContext {
    package let workspace: Workspace
    /// Told each part's name and result, for comparison with recorded numbers.
    package let observe: ((_ part: String, _ result: Tensor) -> Void)?
    /// Where the means of channels come from or go to; nil where a block uses its own.
    package let means: ChannelMeans?
    /// Of the block, among those of its level.
    package let index: Int

    package init(
        workspace: Workspace, observe: ((_ part: String, _ result: Tensor) -> Void)? = nil, means: ChannelMeans? = nil,
        index: Int = 0
    ) {
        self.workspace = workspace
        self.observe = observe
        self.means = means
        self.index = index
    }

    package func note(_ part: String, _ result: Tensor) { observe?(part, result) }
}

/// The means over all pixels that a block's channel attention looks at. A part of a picture has other means than the whole;
/// where the light of the whole scene matters, its blocks are given those of the whole.
package enum ChannelMeans {
    /// Told each block's number and means, a row for each picture.
    case read((_ block: Int, _ means: [[Float]]) -> Void)
    /// By block, a row for each picture: used instead of its own. An empty row leaves a picture its own.
    case given([[[Float]]])

    /// The means that a block is to use.
    func exchange(_ own: [[Float]], ofBlock block: Int) -> [[Float]] {
        switch self {
        case .read(let tell):
            tell(block, own)
            return own
        case .given(let rows):
            guard block < rows.count else { return own }
            return zip(rows[block], own).map { $0.isEmpty ? $1 : $0 }
        }
    }
}
