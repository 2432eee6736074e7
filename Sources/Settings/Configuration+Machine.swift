extension Configuration {
    /// The small layers of an evaluation have no work for more threads than this; further processors take another one.
    static let mostThreadsChosen = 8
    /// What part of the memory evaluations get where nothing is said; the rest is for weights, requests and results.
    static let memoryShare = 0.5
    /// Bytes for the program and a small bundle, where little memory has to be shared out.
    static let programMemory = 256 << 20
    static let smallestMemoryBudget = 64 << 20
    /// What part of it weights get where nothing is said.
    static let weightsShare = 0.25

    /// With what was left open (0) chosen for a machine.
    package func fitted(to machine: MachineLimits) -> Configuration {
        var fitted = self
        if memoryBudget == 0 {
            let rest = machine.memory - requestMemory - resultMemory - Self.programMemory
            let share = min(Int(Double(machine.memory) * Self.memoryShare), rest)
            fitted.memoryBudget = max(Self.smallestMemoryBudget, share)
        }
        if weightsMemory == 0 {
            fitted.weightsMemory = Int(Double(machine.memory) * Self.weightsShare)
            fitted.choosesWeightsMemory = true
        }
        if workers == 0 {
            let share = threads > 0 ? threads : Self.mostThreadsChosen
            fitted.workers = min(256, max(1, machine.processors / share))
        }
        if threads == 0 { fitted.threads = max(1, machine.processors / fitted.workers) }
        return fitted
    }

    /// Bytes that all limits together allow, the weights not counted.
    package var boundedBytes: Int { memoryBudget + requestMemory + resultMemory }
}
