/// The process's memory as the system counts it.
enum ResidentMemory {
    /// The most bytes that were resident at once; 0 where the system doesn't tell.
    static var peak: Int {
        guard let status = try? InputFile.read(FilePath("/proc/self/status"), limit: 1 << 16) else { return 0 }
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmHWM:") {
            let kibibytes = line.drop { !("0"..."9").contains($0) }.prefix { ("0"..."9").contains($0) }
            return (Int(kibibytes) ?? 0) * 1_024
        }
        return 0
    }
}
