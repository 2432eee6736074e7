import Settings

/// What bounds jobs in a store that replicas share.
struct SharedJobLimits: Sendable {
    /// What the names of all keys begin with.
    var prefix = "restored:"
    /// How long an owner may be silent before another replica takes its job.
    var lease = Duration.seconds(5)
    /// How often a job is begun at most: one that ends its replica again and again fails.
    var claims = 5
    /// How long a finished job is kept.
    var lifetime = Duration.seconds(600)
    /// Jobs, unfinished ones included.
    var jobs = 1024
    /// Bytes of all results together, and of all uploads together.
    var resultBytes = 256 << 20
    /// Bytes of one upload.
    var uploadBytes = 32 << 20
    /// Bytes of one result: no more than all, nor than servers take in one text (`proto-max-bulk-len`).
    var largestResult: Int { min(resultBytes, Configuration.jobStoreText) }
    /// Behind a job's deadline, until anyone ends it in place of an owner that does not.
    var grace = Duration.seconds(30)
    /// For an answer of the server's, beside the time that its bytes take.
    var patience = Duration.seconds(5)
    /// Between looks at what there is, by every replica.
    var sweepInterval = Duration.seconds(2)
    /// Between two notes of a job's progress.
    var progressInterval = Duration.milliseconds(200)
    /// How long it is tried to store what came of a job, while the store is away.
    var endPatience = Duration.seconds(120)
    /// Of a consumer without jobs, until it is forgotten.
    var consumerSilence = Duration.seconds(3600)

    /// How often an owner is heard.
    var renewalInterval: Duration { lease / 4 }
    /// Between looks for jobs whose owners are silent, and how long new ones are waited for at a time.
    var searchInterval: Duration { min(renewalInterval, .seconds(1)) }
    /// From its deadline on, until the keys of a job go by themselves where no replica is left to end it.
    var keyReserve: Duration { grace + lifetime }
}

extension Duration {
    /// For a server's commands.
    var wholeMilliseconds: Int { Int(min(max((self / .milliseconds(1)).rounded(.up), 0), 1e15)) }
}
