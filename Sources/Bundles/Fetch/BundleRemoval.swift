/// Takes a bundle out of the folder of weights, and what a fetch of it has left.
package struct BundleRemoval {
    let name: String
    let weights: WeightsFolder

    package init(of name: String, from weights: WeightsFolder) {
        self.name = name
        self.weights = weights
    }

    /// At once: who looks for it finds all of it or nothing. Who has it loaded keeps it.
    ///
    /// - Returns: whether there was anything.
    package func run(isCancelled: @escaping () -> Bool, onWait: @escaping () -> Void) throws(FetchError) -> Bool {
        guard BundleManifest.isPlain(name) else {
            throw .contradiction(file: name, reason: "expected the name of a bundle, not a path")
        }
        guard Disk.exists(weights.path) else { return false }
        let hidden = weights.path + "/." + name
        let lock = FolderLock(
            path: hidden + ".lock", pause: NetworkOptions().pause, isCancelled: isCancelled, onWait: onWait)
        return try lock.hold { () throws(FetchError) in
            let (place, gone) = (weights.folder(of: name), hidden + ".removed")
            // Of a removal or an exchange that was cut short.
            Disk.restore(place)
            try Disk.remove(gone)
            let isThere = Disk.exists(place)
            if isThere { try Disk.move(place, to: gone) }
            let hasBegun = Disk.exists(hidden + ".part")
            try Disk.remove(hidden + ".part")
            try Disk.remove(gone)
            return isThere || hasBegun
        }
    }
}
