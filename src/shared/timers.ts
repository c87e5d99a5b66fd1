/**
 * Timers within the bounds of the platform.
 *
 * @module
 */

/** The longest delay a timer accepts, in milliseconds: timers count in 31 bits, and a longer delay fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;
