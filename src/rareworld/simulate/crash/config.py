"""Every constant of the crash physics with its unit, default and source.

Tyres: Pacejka, Tire and Vehicle Dynamics, 3rd ed. 2012, ch. 3 (brush) and 7 (relaxation length).
Restitution falling with speed: Antonetti 1998, SAE 980551. Sliding people: Searle 1993, SAE 930659.
"""

from typing import final

from pydantic import Field

from rareworld.data.config import Config

GRAVITY_MPS2 = 9.81
"""Standard gravity, rounded."""


@final
class TyreConfig(Config):
    """Brush tyre on a linear spring and damper; the same for all four wheels but for stiffness."""

    friction: float = Field(default=0.85, ge=0)
    """Peak friction of the dry road; 0.5 is wet, 0.2 is snow."""
    slide_ratio: float = Field(default=0.85, gt=0, le=1)
    """Friction of a locked, sliding wheel over peak friction."""
    stiffness_front_prad: float = Field(default=13.0, gt=0)
    """Cornering stiffness of the front tyres over their load, per radian."""
    stiffness_rear_prad: float = Field(default=15.0, gt=0)
    """Same at the rear; stiffer than the front means understeer."""
    relaxation_m: float = Field(default=0.4, gt=0)
    """Distance rolled until the side force has built up to 63 %."""
    rolling_resistance: float = Field(default=0.012, ge=0)
    """Rolling drag over load."""
    antilock: bool = True
    """Off: a wheel braked beyond its grip locks, and its force opposes its sliding direction."""
    static_deflection_m: float = Field(default=0.09, gt=0)
    """Spring travel under the vehicle's own weight; gives the ride frequency (1.7 Hz)."""
    damping_ratio: float = Field(default=0.4, gt=0)
    """Of the suspension, for bounce."""
    bump_travel_m: float = Field(default=0.08, gt=0)
    """Further travel until the bump stop, eight times as stiff."""
    steer_rate_radps: float = Field(default=1.2, gt=0)
    """Fastest turn of the road wheels."""


@final
class ContactConfig(Config):
    """How bodies push each other; a damped spring per unit of effective mass."""

    stiffness_radps: float = Field(default=21.0, gt=0)
    """Natural frequency of two vehicles in contact: sets crush depth and time (`impact.py`)."""
    restitution_slow: float = Field(default=0.3, gt=0, lt=1)
    """Rebound over approach speed towards zero speed."""
    restitution_fast: float = Field(default=0.1, gt=0, lt=1)
    """Same at high speed."""
    restitution_speed_mps: float = Field(default=6.0, gt=0)
    """Approach speed over which restitution falls from slow to fast by 63 %."""
    friction: float = Field(default=0.4, ge=0)
    """Between vehicles, and of bodywork on road and walls."""
    person_friction: float = Field(default=0.66, ge=0)
    """Of people on road and bodywork."""
    person_stiffness_radps: float = Field(default=60.0, gt=0)
    """As `stiffness_radps`, for people against anything."""
    person_restitution: float = Field(default=0.05, gt=0, lt=1)
    """People are thrown at about the speed of what hits them."""
    part_s: float = Field(default=0.25, gt=0)
    """Two touches of one pair further apart than this are two contacts."""
    ground_speed_mps: float = Field(default=1.5, ge=0)
    """Hits of ground or kerb slower than this, along the normal, are not reported."""


@final
class PhysicsConfig(Config):
    """The crash world."""

    step_s: float = Field(default=0.002, gt=0, le=0.005)
    """Fixed step; all results lie on this grid."""
    tyre: TyreConfig = TyreConfig()
    contact: ContactConfig = ContactConfig()
    release_on_contact: bool = True
    """Bodies driven from outside become free when a physical body touches them."""
    crash_brake_mps2: float = Field(default=4.0, ge=0)
    """Braking of a vehicle after its first contact, when nobody drives any more."""
    crash_speed_mps: float = Field(default=0.7, ge=0)
    """Contacts slower than this along the normal leave the driver in charge."""
    gravity_mps2: float = Field(default=GRAVITY_MPS2, ge=0)
