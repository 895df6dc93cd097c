"""The offline engine: fits a track to a length by re-arranging its own material along musically equal places.

A library of its own that knows nothing of MCP, providers, the store or settings. `lengthen.lengthen` is the one entry:
a `Job` in, a `Result` out. Data flows one way, and these nouns pass from stage to stage:

    stage       module                      takes                              gives
    ─────────── ─────────────────────────── ────────────────────────────────── ─────────────────────────────────────────
    decode      samples                     the source file                    Samples, in the file's own sample format
    features    features.analysis           Samples                            Analysis: timbre, harmony, rhythm, level
                features.spectra              (the transforms; features.means smooths them)
                features.voices             the same signal, its spectra       where somebody sings or speaks
                features.voice_band           (instead, where no detector of voices is installed)
    candidates  transitions.self_distance   Analysis, JumpBounds               pairs of cells that sound alike
    align       transitions.alignment       Analysis, those pairs              lags, to a fraction of a frame
    penalise    transitions.distance        Analysis, frames, lags             mismatch, acceptance by listeners
                transitions.level_steps       (beyond what the track does by itself)
                transitions.jumps             (calls all of these)          Jumps: candidate transitions, best first
    search      arrangement.objective       Job, Analysis                      Objective: length, ending, spacing
                arrangement.repetition      Jumps                              RepetitionPenalty of a collection
                arrangement.knapsack        Jumps' gains and penalties         the lightest collection of each length
                arrangement.sequence        a collection                       an order in which it can be played
                arrangement.search          Jumps, Objective                   JumpSequence
                arrangement.route           Jumps both ways, Objective         Route: shortest path of an exact length
                arrangement.shorten         Jumps, Objective                   JumpSequence of less, or fitted exactly
    crossfade   transitions.crossfade       JumpSequence, Samples              Crossfades, to the sample
                arrangement.repeat            (instead: a named passage, an even sound, or from the beginning again)
                arrangement.timeline        Crossfades                         Timeline: seams, fade, exact length
                arrangement.talk              (what is said where most of it is speech)
                arrangement.advice          Timeline, Crossfades               what to know of it, what would be better
                arrangement.arrange           (calls all from features on)     Arrangement: Timeline, mode, warnings
    render      output.render               Samples, Timeline                  blocks in the source's sample format
    encode      output.encode               blocks, Moves of the timeline      the target file, whole or not at all
                media.encoding              (bit rate, loudspeakers, peaks)
                media.tagging               (what the source says)

`joining` puts new music of a provider behind a track, by the same features, acceptance and crossfade:
`joining.agreement` (where both hold the same music), `joining.beat` (else, whether the pulse goes on),
`joining.leaving_out` (whole beats, where it would not), `joining.passage` (what a listener makes of a place),
`joining.transition` (the best one), `joining.joined_file` (the result), `joining.judging` (of providers' own joins).

`cache` keeps features and jumps of a file for the next time. `job` holds the nouns of both ends. Beside that way stand
two looks at a finished file, each a process of its own: `portrait` (waveform and chroma, for a picture) and `excerpts`
(the seconds around its joins, to be heard).

A *jump* is a candidate transition from where it leaves to where it enters: back, or forward to leave something out. A
*seam* is a place of the result at which a jump was made. A *crossfade* is how a seam is made. *Frames* are of an
`Analysis` (about 12 ms) in `features` and `transitions`, and sample frames wherever `Samples` are meant; *cells* are
groups of eight of the former or more.
"""
