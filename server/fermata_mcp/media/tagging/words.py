"""What the same thing is called in each kind of tag, by the name of its Vorbis comment in lower case.

Sources: ID3v2.4 native frames, iTunes' atoms and Microsoft's attributes as MusicBrainz Picard maps them, the RIFF INFO
list of the Multimedia Programming Interface 1.0; STRINGS are what libsndfile can write.
"""

from __future__ import annotations

FRAMES = {
    "title": "TIT2", "artist": "TPE1", "album": "TALB", "albumartist": "TPE2", "composer": "TCOM", "conductor": "TPE3",
    "remixer": "TPE4", "lyricist": "TEXT", "date": "TDRC", "originaldate": "TDOR", "genre": "TCON", "copyright": "TCOP",
    "isrc": "TSRC", "bpm": "TBPM", "initialkey": "TKEY", "grouping": "TIT1", "subtitle": "TIT3", "mood": "TMOO",
    "language": "TLAN", "organization": "TPUB", "encodedby": "TENC", "compilation": "TCMP", "titlesort": "TSOT",
    "artistsort": "TSOP", "albumsort": "TSOA", "albumartistsort": "TSO2", "media": "TMED",
}  # fmt: skip
ATOMS = {
    "title": "©nam", "artist": "©ART", "album": "©alb", "albumartist": "aART", "composer": "©wrt", "date": "©day",
    "genre": "©gen", "comment": "©cmt", "lyrics": "©lyr", "copyright": "cprt", "grouping": "©grp", "encodedby": "©enc",
    "titlesort": "sonm", "artistsort": "soar", "albumsort": "soal", "albumartistsort": "soaa", "composersort": "soco",
    "description": "desc",
}  # fmt: skip
ATTRIBUTES = {
    "title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "albumartist": "WM/AlbumArtist",
    "composer": "WM/Composer", "conductor": "WM/Conductor", "lyricist": "WM/Writer", "date": "WM/Year",
    "genre": "WM/Genre", "tracknumber": "WM/TrackNumber", "discnumber": "WM/PartOfSet", "comment": "Description",
    "lyrics": "WM/Lyrics", "copyright": "Copyright", "isrc": "WM/ISRC", "bpm": "WM/BeatsPerMinute",
    "initialkey": "WM/InitialKey", "grouping": "WM/ContentGroupDescription", "subtitle": "WM/SubTitle",
    "mood": "WM/Mood", "language": "WM/Language", "organization": "WM/Publisher", "encodedby": "WM/EncodedBy",
    "compilation": "WM/IsCompilation", "titlesort": "WM/TitleSortOrder", "artistsort": "WM/ArtistSortOrder",
    "albumsort": "WM/AlbumSortOrder", "albumartistsort": "WM/AlbumArtistSortOrder",
}  # fmt: skip
INFO = {
    "title": "INAM", "artist": "IART", "album": "IPRD", "date": "ICRD", "genre": "IGNR", "comment": "ICMT",
    "copyright": "ICOP", "tracknumber": "ITRK", "encodedby": "ITCH", "composer": "IMUS", "lyricist": "IWRI",
    "language": "ILNG",
}  # fmt: skip
STRINGS = {
    "title": "title", "artist": "artist", "album": "album", "date": "date", "genre": "genre", "comment": "comment",
    "copyright": "copyright", "tracknumber": "tracknumber",
}  # fmt: skip
# Other names under which Vorbis comments, APE items and free texts say the same.
ALIASES = {
    "unsyncedlyrics": "lyrics", "unsynced lyrics": "lyrics", "year": "date", "track": "tracknumber",
    "disc": "discnumber", "totaltracks": "tracktotal", "totaldiscs": "disctotal", "album artist": "albumartist",
    "description": "comment", "publisher": "organization", "label": "organization", "encoded-by": "encodedby",
    "encoded_by": "encodedby", "tempo": "bpm", "key": "initialkey", "loop_start": "loopstart",
    "loop_length": "looplength", "loop_end": "loopend",
}  # fmt: skip
# What says how the old file was encoded, or how long it was.
STALE = frozenset(
    {
        "encoder", "encoder_options", "encodersettings", "encoding", "encoding settings", "length", "tlen", "tsse",
        "itunsmpb", "duration", "filesize", "mp3gain_undo", "mp3gain_minmax", "mp3gain_album_minmax",
        "wm/encodingsettings", "wm/encodingtime", "wmfsdkversion", "wmfsdkneeded", "isvbr", "encodedusing",
        "devicconformancetemplate", "deviceconformancetemplate", "averagelevel", "peakvalue", "major_brand",
        "minor_version", "compatible_brands", "encoding application", "cuetools", "musicmagic data",
    }
)  # fmt: skip


def turned(table: dict[str, str]) -> dict[str, str]:
    """The table read from right to left."""
    return {there: name for name, there in table.items()}


def plain(name: str) -> str:
    """The name under which we know what somebody calls `name`."""
    low = name.strip().lower()
    return ALIASES.get(low, low)
