"""The allow-list: which statements of each format are facts, and which are free text.

A row names statements by their path in a reader's metadata (file, stream, image and shape alike), in lower
case, parts joined by dots; ``*`` stands for one part, ``**`` for all that follows. What a row does not name is
left out: as identity if its name says so, else as unlisted. A statement that a reader adds therefore stays
unpublished until somebody lists it here.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A new number means that results of an older policy are made again: raise it when less may be published.
POLICY = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """What may be published of one format.

    Attributes
    ----------
    facts
        Published; a text among them only if it is short and tells no path or address.
    notes
        Free text: published if the species is not human, line by line, without lines that name somebody.
    lines
        Texts of many lines, ``name: value`` each: a line is a fact, free text or identity by its name.
    named_by_users
        Whose names users gave: each is judged by its name (`words`); numbers that no name speaks of are
        kept unless they could be somebody's number.
    identities
        Identity by the format's definition where the name does not say so.
    hidden_names
        Whose name is somebody's or that of a device, like the address of a watch.
    """

    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    named_by_users: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    hidden_names: tuple[str, ...] = ()


def _listed(
    facts: str = "",
    notes: str = "",
    lines: str = "",
    named_by_users: str = "",
    identities: str = "",
    hidden_names: str = "",
) -> Listed:
    """Return a row from texts whose paths are parted by ``|``."""
    columns = (facts, notes, lines, named_by_users, identities, hidden_names)
    return Listed(
        *(tuple(one.strip() for one in text.split("|") if one.strip()) for text in columns)
    )


_CED = _listed(
    "son_version | start_time | channel_numbers | ideal_rate_hz | pre_trigger_points | uncalibrated"
    " | application | time_base | version",
    notes="comment | comments",
)
_TIFF = _listed(
    "byte_order | bigtiff | photometric | software | date_time | resolution_tag_xy | resolution_unit_tag"
    " | orientation | palette | palette_n_colors | acquisitiondate | acquireddate | channels.id"
    " | channels.name | channels.color | channels.samplesperpixel | channels.fluor"
    " | channels.excitationwavelength | channels.excitationwavelengthunit | channels.emissionwavelength"
    " | channels.emissionwavelengthunit | channels.acquisitionmode | channels.contrastmethod"
    " | channels.illuminationtype | channels.pinholesize | channels.pinholesizeunit | channels.ndfilter"
    " | plane_times_s | plane_positions_*.* | position.* | private_tags"
    # not where on the globe a picture lies
    " | geotiff.model_pixel_scale | geotiff.linear_unit | geotiff.no_data"
    " | fibics.dwell_time_ns"
    " | tvips.* | gatan.* | hamamatsu.* | mdgel.* | metaseries.wavelength | metaseries.position_z"
    " | metaseries.stage_position | metaseries.objective | metaseries.numerical_aperture"
    " | microscope.* | objective | objective.* | detector.* | lsm_scan_type | time_stamps_s"
    " | imagej.imagej | imagej.images | imagej.channels | imagej.slices | imagej.frames | imagej.hyperstack"
    " | imagej.mode | imagej.loop | imagej.min | imagej.max | imagej.ranges | imagej.unit | imagej.yunit"
    " | imagej.zunit | imagej.vunit | imagej.tunit | imagej.finterval | imagej.fps | imagej.spacing"
    " | imagej.xorigin | imagej.yorigin | imagej.zorigin | imagej.cf | imagej.c0 | imagej.c1",
    notes="name | notes | imagej.labels",
    lines="description | imagej.info",
    named_by_users="scanimage.** | sis.** | fei.** | zeiss_sem.** | micromanager.** | aperio.** | jeol.**"
    " | metamorph.** | hamamatsu.** | mdgel.** | olympus.** | leica.**",
)
_NAMED_BY_USERS = _listed(
    "neurodata_type | nwb_version | mat_version | session_start_time | timestamps_reference_time"
    " | file_create_date | exported_by | block_times | imaris_version | recordingdate"
    " | time_points | units_if_scaled | scaling_coefficients | lines.* | sweep_starts | sweeps.**"
    " | channel_locations.labels | eeglab.ref | unmapped*.*.why | sheet",
    notes="name | description | session_description | experiment_description | general.slices"
    " | general.stimulus",
    lines="eeglab.comments",
    identities="identifier | eeglab.history",
    named_by_users="**",
)

#: Attributes of an OME-Zarr of somebody else's (0.5: below ``ome``); NGFF's own are facts.
OME_ZARR_ATTRIBUTES = _listed(
    "version | bioformats2raw?layout | series | labels | _creator.* | multiscales.** | well.**"
    " | omero.id | omero.version | omero.channels.** | omero.rdefs.** | image-label.version"
    " | image-label.colors.** | image-label.source.* | plate.version | plate.field_count"
    " | plate.acquisitions.id | plate.acquisitions.maximumfieldcount | plate.acquisitions.starttime"
    " | plate.acquisitions.endtime | plate.rows.** | plate.columns.** | plate.wells.**",
    notes="multiscales.metadata.description | omero.name | plate.name | plate.acquisitions.name"
    " | plate.acquisitions.description",
    named_by_users="**",
)

_BIOFORMATS = _listed("bioformats_reader")
_SLIDE = _listed(
    "vendor | objective-power | background-color | bounds-x | bounds-y | bounds-width | bounds-height"
)

LISTED: dict[str, Listed] = {
    # ------------------------------------------------------------------------------- recordings
    "abf": _listed(
        "abf_version | start_time | creator | operation_mode | epochs.* | epochs_not_played.*"
        " | stimulus_files.* | user_lists.*",
        notes="comment",
    ),
    "acq": _listed("file_revision | acqknowledge_version | segment_created", notes="journal"),
    "adicht": _listed("labchart_format | start_time | channel_numbers", notes="comment"),
    "blackrock": _listed(
        "specification | application | label | time_origin | electrodes | high_pass_hz | low_pass_hz | sweeps"
        " | events.specification | events.application | events.time_origin",
        notes="comment | events.comment",
    ),
    "brainvision": _listed(
        "recording_start | header.common infos.codepage | header.common infos.dataformat"
        " | header.common infos.dataorientation | header.common infos.datatype"
        " | header.common infos.numberofchannels | header.common infos.samplinginterval"
        " | header.common infos.datapoints | header.common infos.segmentationtype"
        " | header.common infos.segmentdatapoints | header.common infos.averaged"
        " | header.common infos.averagedsegments | header.binary infos.* | header.ascii infos.*"
        " | header.coordinates.*",
        lines="header.comment.*",
        identities="header.common infos.datafile | header.common infos.markerfile",
    ),
    "edf": _listed(
        "format | sex | start_date | start_time_of_day | start_time | data_record_duration_s | transducer"
        " | prefilter",
        identities="patient | recording",
    ),
    "igor": _listed(
        "x_start | x_step | x_unit | other_dimensions.*",
        lines="note",
        notes="formula",
        named_by_users="variables.** | text_waves.**",
    ),
    "intan": _listed(
        "version | sampling_rate_hz | dsp_enabled | actual_* | desired_* | notch_filter_mode | board_mode"
        " | reference_channel | amp_settle_mode | charge_recovery_mode | stim_step_size_a"
        " | recovery_current_limit_a | recovery_target_voltage_v | custom_names | ports"
        " | impedance_magnitude_ohm | impedance_phase_degrees | flags.* | lines.*",
        notes="notes",
    ),
    "neuralynx": _listed(
        "clock | event_ttl | event_id | sweeps | header.filetype | header.fileversion | header.recordsize"
        " | header.cheetahrev | header.hardwaresubsystemname | header.hardwaresubsystemtype"
        " | header.samplingfrequency | header.ad* | header.acqentname | header.numadchannels"
        " | header.input* | header.dsp* | header.time opened* | header.time closed* | header.timecreated"
        " | header.timeclosed | header.applicationname | header.acquisitionsystem | header.referencechannel"
        " | header.waveformlength | header.alignmentpt | header.threshval | header.minretriggersamples"
        " | header.spikeretriggertime | header.dualthresholding | header.feature *"
    ),
    "openephys": _listed(
        "gui_version | stream.sample_rate | stream.source_processor_name | stream.source_processor_id"
        " | stream.source_processor_sub_idx | stream.source_node_* | stream.stream_name"
        " | stream.recorded_processor | stream.recorded_processor_id | stream.num_channels"
        " | stream.folder_name"
    ),
    "plexon": _listed(
        "version | recording_start | waveform_points | waveform_points_before_threshold | sweeps"
        " | timestamp_rate_hz",
        notes="comment",
    ),
    "raw": _listed(),
    # of NEO's statements only signals, their scale and their events are taken
    **dict.fromkeys(
        ("axograph", "mcsraw", "micromed", "neuronexus", "neuroscope", "nix"), _listed()
    ),
    **dict.fromkeys(("elan", "spikegadgets", "spikeglx", "winedr", "winwcp"), _listed()),
    **dict.fromkeys(("neuroexplorer", "openephys-files"), _listed("sweeps")),
    "snirf": _listed("measured", identities="patient"),
    "fif": _listed(
        "highpass_hz | lowpass_hz | line_frequency_hz | bad_channels | n_averaged | measure",
        notes="comment",
        identities="patient",
    ),
    **dict.fromkeys(
        ("egi-mff", "gdf", "neuroscan", "nicolet", "nihon", "persyst"),
        _listed(identities="patient"),
    ),
    "fcs": _listed("fcs_version | cytometer | *.marker | *.range | *.gain | *.amplification"),
    "tdms": _listed(),
    "wfdb": _listed(),
    "xdf": _listed("nominal_rate_hz | type | clock_offsets_s"),
    "micromed": _listed(identities="patient"),
    "smr": _CED,
    "smrx": _CED,
    "tdt": _listed("block_start | sweeps"),
    "spreadsheet": _listed(
        "unmapped*.*.why | sheet", lines="header | sheets.*.header", named_by_users="**"
    ),
    "text": _listed(lines="header", named_by_users="**", hidden_names="devices.*"),
    "wav": _listed("encoding"),
    "eeglab": _NAMED_BY_USERS,
    "hdf5": _NAMED_BY_USERS,
    "json": _NAMED_BY_USERS,
    "mat": _NAMED_BY_USERS,
    "numpy": _NAMED_BY_USERS,
    "arrow": _NAMED_BY_USERS,
    "netcdf": _NAMED_BY_USERS,
    "nwb": _NAMED_BY_USERS,
    # ------------------------------------------------------------------------------- images
    "bioformats": _BIOFORMATS,
    "bioformats-compared": _BIOFORMATS,
    "fits": _listed("bscale | bzero"),
    "old-pictures": _listed("format | mode"),
    "pnm": _listed("white"),
    "cxd": _BIOFORMATS,
    "slide-other": _SLIDE,
    "vsi": _BIOFORMATS,
    "czi": _listed(
        "acquisition_start | objective | camera | application | application_version | component_bit_count"
        " | time_offsets_s | pixel_type | origin_pixels_xy | a | b | h | i | m | r | s | v"
    ),
    # the reader copies a list of its own (`readers.dicom.facts.COPIED_TAGS`); all other elements it hands
    # over apart, to be counted
    "dicom": _listed(
        "**",
        notes="segment_label | segments.segment_label | elements.studydescription"
        " | elements.seriesdescription | elements.protocolname"
        " | elements.imagecomments | elements.patientcomments | elements.acquisitioncomments"
        " | elements.contentdescription | elements.derivationdescription",
        identities="elements.**",
    ),
    "dm": _listed(
        "dm_version | axis_calibrations_x_first.* | brightness.* | voltage | indicated_magnification"
        " | actual_magnification | operation_mode"
    ),
    "ims": _listed(
        "imaris_version | recordingdate | time_points", notes="name", lines="description"
    ),
    "jpeg2000": _listed("palette | *_resolution_per_m_xy"),
    "lif": _listed("lif_version | dimensions.* | lut_names | tile.* | position* | objective*"),
    "lsm": _TIFF,
    "metamorph": _TIFF,
    "metaimage": _listed(
        "offset | transform_matrix | center_of_rotation | anatomical_orientation | modality"
    ),
    "mgh": _listed("affine"),
    "micromanager": _TIFF,
    "mrc": _listed(
        "mode | space_group | start_xyz | sampling_xyz | cell_angstrom_xyz | cell_angles_degrees | origin_xyz"
        " | stored_axes_fastest_first",
        lines="labels",
    ),
    "nd2": _listed(
        "version | date | optics | channels.* | stage_position_um | frame_times_s",
        notes="appinfo_* | sampleid",
        lines="description | capturing | sampling | location | type",
    ),
    "nifti": _listed(
        "scl_slope | scl_inter | affine | qform_code | sform_code | intent_code | xyzt_units"
        " | spm_scale_factor",
    ),
    "nrrd": _listed(
        "space | space_origin | space_directions | kinds | space_units | units | labels"
        " | spacings | thicknesses | axis_mins | axis_maxs | centerings | centers"
    ),
    "olympus": _listed(
        "acquisition_date | device | zoom | scan_mode | channels.name | channels.dyename"
        " | channels.excitationwavelength | channels.emissionwavelength | channels.bf name"
    ),
    "ome-zarr": _listed("ome_zarr_version"),
    "raster": _listed(
        "resolution_dpi_xy | significant_bits_of_samples |"
        " format | mode | transparency | palette | exif_orientation | software | bit_field_masks | process",
        notes="comment | description | title",
    ),
    "animated": _listed("format | frame_durations_s"),
    "avif": _listed(),
    "slide": _SLIDE,
    "tiff": _TIFF,
    "video": _listed(
        "n_hidden_frames | n_dropped_frames | display_rotation_degrees | display_mirrored | interlaced"
        " | codec | pixel_format | average_rate_hz | pixel_aspect_ratio | frame_times_s | rotation_degrees"
        " | color_range | color_space | bit_rate"
    ),
    # ------------------------------------------------------------------------------- shapes
    "exf": _listed(
        "ex_version | sections.** | groups.** | group_names | templates.** | time_sequences.**"
    ),
    "obj": _listed("groups.*", notes="material_libraries"),
    "off": _listed(),
    "ply": _listed(lines="comments"),
    "stl": _listed("groups.*", notes="header"),
    "gltf": _listed("mesh | primitive | drawn_as | normalized | nodes.**"),
    "swc": _listed(lines="header"),
    **dict.fromkeys(
        ("vtk", "vtk-xml"),
        _listed(
            "vtk_version | dataset | dimensions_xyz | origin_xyz | spacing_xyz | extent | direction",
            notes="title",
        ),
    ),
    "mbf": _listed(
        "mbf.* | atlas.* | subject.species | subject.sex | section.sid | section.top | section.cutthickness"
        " | section.mountedthickness | section.name | coord.* | scale.* | zspacing.* | slices | groups.*"
        " | vessels.*",
        notes="description",
        identities="subject.subjectid",
    ),
    "roi": _listed(
        "positions | regions.name | regions.type | regions.version | regions.subtype | regions.group"
        " | regions.stroke_width | regions.stroke_color | regions.fill_color",
        notes="regions.text | regions.file",
        lines="regions.props",
    ),
}

#: A format that nobody listed yet: judged by its names alone.
UNLISTED = _NAMED_BY_USERS


def listed(format_name: str) -> Listed:
    """Return what may be published of a format."""
    return LISTED.get(format_name, UNLISTED)
