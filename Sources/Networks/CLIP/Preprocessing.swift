package import Compute

/// CLIP's normalisation of a resized and cropped picture.
package enum Preprocessing {
    static let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    static let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// Byte / 255, minus the channel's mean, divided by its deviation.
    ///
    /// - Parameter crops: interleaved RGB bytes of side x side pixels each (`Picture.resizedForCLIP`).
    /// - Returns: batch x side x side x 3.
    package static func normalised(_ crops: [[UInt8]], side: Int, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(batch: crops.count, height: side, width: side, channels: 3)
        for (index, crop) in crops.enumerated() {
            precondition(crop.count == side * side * 3)
            let target = result.sample(index)
            for element in 0..<crop.count {
                let channel = element % 3
                target[element] = (Float(crop[element]) / 255 - mean[channel]) / deviation[channel]
            }
        }
        return result
    }
}
