"""What a tag is called in each format, against its Vorbis comment name.

Names follow the formats' own specifications and the mappings of MusicBrainz Picard and Mp3tag.
"""

from __future__ import annotations

ID3_NAMES = {
    "TIT2": "title", "TPE1": "artist", "TALB": "album", "TDRC": "date", "TCON": "genre",
    "TPE2": "albumartist", "TCOM": "composer", "TSRC": "isrc", "TBPM": "bpm", "TCOP": "copyright",
    "TPUB": "organization", "TENC": "encodedby", "TLAN": "language", "TKEY": "initialkey",
    "TIT1": "grouping", "TIT3": "subtitle", "TPE3": "conductor", "TPE4": "remixer",
    "TEXT": "lyricist", "TSOP": "artistsort", "TSOA": "albumsort", "TSOT": "titlesort",
    "TSO2": "albumartistsort", "TDOR": "originaldate", "TMED": "media", "TCMP": "compilation",
    "TSOC": "composersort", "TDRL": "releasedate", "TDEN": "encodingtime", "TDTG": "taggingtime",
    "TMOO": "mood", "TSST": "discsubtitle", "TOAL": "originalalbum", "TOPE": "originalartist",
    "TOLY": "originallyricist", "TOFN": "originalfilename", "TRSN": "radiostation",
    "TLEN": "length", "MVNM": "movementname", "MVIN": "movement", "TDES": "description",
    "WOAR": "website", "WCOP": "license",
}  # fmt: skip
ID3_OLD_NAMES = {"TYER": "date", "TORY": "originaldate"}
"""Frames of ID3v2.3 that 2.4 has under another name."""
ID3_URLS = {
    "WOAF": "wwwaudiofile", "WOAS": "wwwaudiosource", "WORS": "wwwradiopage", "WPAY": "wwwpayment",
    "WPUB": "wwwpublisher", "WCOM": "wwwcommercialinfo", "WFED": "podcasturl",
}  # fmt: skip
NUMBERED = {"TRCK": ("tracknumber", "tracktotal"), "TPOS": ("discnumber", "disctotal")}
MUSICBRAINZ_OWNER = "http://musicbrainz.org"
"""Whose UFID frame holds the recording's id."""

MP4_NAMES = {
    "\xa9nam": "title", "\xa9ART": "artist", "\xa9alb": "album", "\xa9day": "date",
    "\xa9gen": "genre", "aART": "albumartist", "\xa9wrt": "composer", "\xa9cmt": "comment",
    "\xa9lyr": "lyrics", "\xa9grp": "grouping", "cprt": "copyright", "tmpo": "bpm",
    "soar": "artistsort", "soal": "albumsort", "sonm": "titlesort", "soaa": "albumartistsort",
    "soco": "composersort", "sosn": "showsort", "tvsh": "show", "purl": "podcasturl",
    "desc": "description", "ldes": "longdescription", "keyw": "keywords", "catg": "category",
    "cpil": "compilation", "pgap": "gapless", "pcst": "podcast", "\xa9too": "encoder",
    "\xa9dir": "director", "\xa9mvn": "movementname", "\xa9mvi": "movement",
    "\xa9mvc": "movementtotal", "\xa9wrk": "work", "shwm": "showmovement",
}  # fmt: skip
MP4_NUMBERED = {"trkn": ("tracknumber", "tracktotal"), "disk": ("discnumber", "disctotal")}

ASF_NAMES = {
    "Title": "title", "Author": "artist", "WM/AlbumTitle": "album", "WM/Year": "date",
    "WM/Genre": "genre", "WM/AlbumArtist": "albumartist", "WM/Composer": "composer",
    "WM/TrackNumber": "tracknumber", "WM/PartOfSet": "discnumber", "Description": "comment",
    "Copyright": "copyright", "WM/ISRC": "isrc", "WM/Publisher": "organization",
    "WM/BeatsPerMinute": "bpm", "WM/Lyrics": "lyrics", "WM/EncodedBy": "encodedby",
    "WM/Language": "language", "WM/Mood": "mood", "WM/Conductor": "conductor",
    "WM/Writer": "lyricist", "WM/InitialKey": "initialkey",
}  # fmt: skip

APE_NAMES = {
    "year": "date", "album artist": "albumartist", "publisher": "organization",
    "record date": "date", "unsyncedlyrics": "lyrics",
}  # fmt: skip
"""Where an APEv2 item is called otherwise than the Vorbis comment."""
APE_NUMBERED = {
    "track": ("tracknumber", "tracktotal"), "disc": ("discnumber", "disctotal"),
}  # fmt: skip

INFO_NAMES = {
    b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date", b"IGNR": "genre",
    b"ICMT": "comment", b"ICOP": "copyright", b"IPRT": "tracknumber", b"ITRK": "tracknumber",
    b"ISFT": "software", b"IENG": "engineer", b"ILNG": "language", b"IKEY": "keywords",
    b"ISBJ": "subject", b"ISRC": "source", b"ITCH": "encodedby", b"IMED": "media",
    b"IMUS": "composer",
}  # fmt: skip
AIFF_NAMES = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment", b"(c) ": "copyright"}
CAF_NAMES = {
    "comments": "comment", "track number": "tracknumber", "recorded date": "date", "year": "date",
    "tempo": "bpm", "key signature": "initialkey",
}  # fmt: skip
"""Apple's words, where they are others; libsndfile writes those of Vorbis comments."""

_PICARD = {
    "MusicBrainz Artist Id": "musicbrainz_artistid",
    "MusicBrainz Album Id": "musicbrainz_albumid",
    "MusicBrainz Album Artist Id": "musicbrainz_albumartistid",
    "MusicBrainz Release Group Id": "musicbrainz_releasegroupid",
    "MusicBrainz Release Track Id": "musicbrainz_releasetrackid",
    "MusicBrainz Track Id": "musicbrainz_trackid",
    "MusicBrainz Work Id": "musicbrainz_workid",
    "MusicBrainz Disc Id": "musicbrainz_discid",
    "MusicBrainz Album Type": "releasetype",
    "MusicBrainz Album Status": "releasestatus",
    "MusicBrainz Album Release Country": "releasecountry",
}
_FROM_PICARD = {name.lower(): field for name, field in _PICARD.items()}
_TO_PICARD = {field: name for name, field in _PICARD.items()}


def free_name(name: str) -> str:
    """The Vorbis comment name of a free name (TXXX, an MP4 freeform atom)."""
    return _FROM_PICARD.get(name.lower(), name)


def txxx_name(field: str) -> str:
    """The description of the TXXX frame that holds a field."""
    return _TO_PICARD.get(field, field)
