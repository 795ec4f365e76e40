"""A short street with a crash waiting to be filmed: a small real recording for the stage."""

from dataclasses import replace

import numpy as np

from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.world.build import WorldConfig
from rareworld.core.camera import Camera, Rig
from rareworld.core.scene import Prop, PropKind, Scene
from rareworld.core.trajectory import Recording, SignalState
from rareworld.data.clip import ClipConfig
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.data.video import H264
from tests.annotate.labels.random_scenes import Body, recording_of

XODR = """<?xml version="1.0" encoding="UTF-8"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="6" name="street" version="1"/>
  <road id="1" length="60" junction="-1" name="">
    <planView><geometry s="0" x="-30" y="1.75" hdg="0" length="60"><line/></geometry></planView>
    <lanes>
      <laneSection s="0">
        <center><lane id="0" type="none" level="false"/></center>
        <right>
          <lane id="-1" type="driving" level="false">
            <width sOffset="0" a="3.5" b="0" c="0" d="0"/>
          </lane>
        </right>
      </laneSection>
    </lanes>
    <signals>
      <signal id="5" name="light" s="40" t="-5" zOffset="3" orientation="+" dynamic="yes"
              type="1000001" subtype="-1" country="OpenDRIVE" value="-1" hOffset="0" pitch="0"
              roll="0" height="1" width="0.4"/>
    </signals>
  </road>
</OpenDRIVE>
"""
BODIES = (
    Body(1, -8, 0, 0, 0, 0, 0, 8),
    Body(9, 2, 0, 0, 0, 0, 0, 4),
    Body(11, 0, 4, 0, 1, 0, 0, 1),
)


def street(frames: int = 4) -> Recording:
    """A car behind a motorcycle, somebody on foot, a tree, a light that turns red."""
    made = recording_of([*BODIES], frames)
    tree = Prop(
        id=50, kind=PropKind.TREE, position_m=(3.0, 8.0, 0.0), yaw_rad=0.0, size_m=(3, 3, 6)
    )
    house = Prop(
        id=51, kind=PropKind.BUILDING, position_m=(0.0, 22.0, 0.0), yaw_rad=0.0, size_m=(12, 9, 8)
    )
    scene = Scene(
        name="street", road=read_opendrive(XODR, name="street"), actors=made.scene.actors,
        props=(tree, house),
    )  # fmt: skip
    states = np.full((1, frames), int(SignalState.GREEN), np.uint8)
    states[0, frames // 2 :] = int(SignalState.RED)
    return replace(made, scene=scene, signal_states=states, provenance={"seed": 3})


def view(name: str = "pole", side: float = -1.0, width: int = 96, height: int = 64) -> Camera:
    """A camera on a pole on one side of the street."""
    return Camera.looking_at(
        name, (-8.0, side * 9.0, 7.0), (0.0, 0.0, 0.5), width=width, height=height, hfov_rad=1.2
    )


RIG = Rig(cameras=(view("near"), view("far", 1.3, 80, 48)))
CONFIG = AnnotateConfig(
    radius_m=40,
    world=WorldConfig(verge_m=20, prop_margin_m=30),
    render=RenderConfig(shadow_size=256, threads=2),
    clip=ClipConfig(rgb=H264(preset="ultrafast")),
)
