/// Which way suits a label.
struct ModeChoice: Sendable {
    /// Labels that a network of one evaluation is there for.
    let fastLabels: Set<String>
    /// Whether there is a diffusion.
    let hasPhoto: Bool
    /// What was measured of either way, by label, in whatever measure: the greater figure is the better one.
    let measured: [String: [RestorationMode: Double]]

    /// Where not both were measured a diffusion is taken: it does whatever there is a label for.
    func mode(for label: String) -> RestorationMode {
        guard hasPhoto else { return .fast }
        guard fastLabels.contains(label), let figures = measured[label], let fast = figures[.fast],
            let photo = figures[.photo]
        else { return .photo }
        return fast >= photo ? .fast : .photo
    }
}
