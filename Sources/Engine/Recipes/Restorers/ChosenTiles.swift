import Images

/// Restores tiles in one evaluation or by diffusion, as suits what is wrong.
struct ChosenTiles: TileRestorer {
    let fast: SinglePassTiles
    let photo: DiffusionTiles
    let choice: ModeChoice
    /// What the request wants; nil for what suits the label.
    let wanted: RestorationMode?

    func mode(for label: String) -> RestorationMode { wanted ?? choice.mode(for: label) }

    /// What it comes to shows with the label.
    var names: [String] { wanted == .fast ? fast.names : wanted == .photo ? photo.names : [] }

    func name(for label: String) -> String {
        mode(for: label) == .fast ? fast.name(for: label) : photo.name(for: label)
    }

    func treats(_ label: String) -> Bool { mode(for: label) == .fast ? fast.treats(label) : photo.treats(label) }

    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling? {
        modes.contains(.photo) ? photo.sampling(of: modes) : nil
    }

    func stage(for tiles: TilePlan, label: String?) -> Stage? {
        guard let mode = wanted ?? label.map(choice.mode) else { return nil }
        return mode == .fast ? fast.stage(for: tiles, label: label) : photo.stage(for: tiles, label: label)
    }

    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        if mode(for: finding.label) == .fast {
            return try fast.makeSample(tile, of: picture, finding, round: round)
        }
        return photo.makeSample(tile, of: picture, finding, round: round)
    }

    func values(of sample: any StageSample) throws(RestorationError) -> [Float] {
        sample is SinglePassTile ? try fast.values(of: sample) : try photo.values(of: sample)
    }
}
